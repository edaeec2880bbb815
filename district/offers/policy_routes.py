"""Operators' interface to what holds for all campaigns of a district, and to the model of who redeems."""

import uuid

from fastapi import APIRouter

from district.auth.principals import Operator
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from district.offers import model_answers, policy_service
from district.offers.policy_schemas import ModelAnswer, PolicyAnswer, PolicyChange, ReasonsAnswer

router = APIRouter(prefix="/v1/districts/{d}", tags=["campaigns"])


@router.get("/marketing-policy")
def get_marketing_policy(principal: Operator, district: DistrictDep, session: DbSession) -> PolicyAnswer:
    """How often members are told anything, who is held out, and how merchants share their attention."""
    return PolicyAnswer.model_validate(policy_service.read(session, district.id))


@router.patch("/marketing-policy")
def change_marketing_policy(
    body: PolicyChange, principal: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> PolicyAnswer:
    """Change it; it holds for decisions a few seconds later. Whoever has it from before gets a 409."""
    changed = policy_service.change(session, district, body.changes(), version=body.version, clock=clock)
    return PolicyAnswer.model_validate(changed)


@router.get("/redeem-model")
def get_redeem_model(principal: Operator, district: DistrictDep, session: DbSession) -> ModelAnswer:
    """How likely offers are believed to be redeemed, by what reasons, and how far that held."""
    return model_answers.of(policy_service.newest_model(session, district.id))


@router.get("/offers/{offer_id}/reasons")
def get_reasons(
    offer_id: uuid.UUID, principal: Operator, district: DistrictDep, session: DbSession
) -> ReasonsAnswer:
    """Why this offer was chosen for its member: score, chance, and what spoke for and against it."""
    exposure = policy_service.exposure_of(session, district.id, offer_id)
    model = policy_service.model_at(session, district.id, exposure.model_version)
    return model_answers.reasons(exposure, model)
