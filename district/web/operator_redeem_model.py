"""The model of who redeems, as it stands: fitted or the prior, on how much, how far its chances held, and its reasons."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.offers import model_answers, policy_service
from district.offers.policy_schemas import ModelAnswer
from district.web.marketing_words import in_words
from district.web.operator_shell import waiting
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
PAGE = "/operator/redeem-model"
CALIBRATED_FROM = 0.01
"""Chances are systematically off below this (docs/developer/arbitration.md)."""


@router.get(PAGE)
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """What decisions use now."""
    return render(
        request,
        "operator/redeem_model.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        model=_model(session, operator),
        words=in_words,
        calibrated_from=CALIBRATED_FROM,
    )


@router.get(f"{PAGE}/weights.csv")
def weights_as_file(operator: Operator, session: DbSession) -> Response:
    """What speaks for and against, the weightiest first."""
    rows = [(one.feature, one.words["en"], one.mean, one.weight) for one in _model(session, operator).weights]
    head = ("feature", "words", "mean", "weight")
    return csv_answer([head, *rows], f"redeem-weights-{operator.district.slug}.csv")


@router.get(f"{PAGE}/kinds.csv")
def kinds_as_file(operator: Operator, session: DbSession) -> Response:
    """What is believed of each kind of offer, and what was seen of it."""
    rows = [(one.kind, one.issued, one.redeemed, one.chance) for one in _model(session, operator).priors]
    head = ("kind", "issued", "redeemed", "chance")
    return csv_answer([head, *rows], f"redeem-kinds-{operator.district.slug}.csv")


@router.get(f"{PAGE}/held.csv")
def held_as_file(operator: Operator, session: DbSession) -> Response:
    """How far chances held on offers that were not looked at while fitting."""
    told = _model(session, operator).reliability
    rows = [
        (one.believed, one.offers, one.redeemed, one.low, one.high) for one in (told.bins if told else ())
    ]
    head = ("believed", "offers", "redeemed", "low", "high")
    return csv_answer([head, *rows], f"redeem-held-{operator.district.slug}.csv")


def _model(session: Session, operator: Staff) -> ModelAnswer:
    return model_answers.of(policy_service.newest_model(session, operator.district.id))
