"""The page of the model of who redeems: the prior, a fitted one, and what both are worth."""

import math

import httpx
import pytest

from district.districts.models import District
from district.offers.arbitration_models import RedeemModel as Row
from district.web.operator_redeem_model import CALIBRATED_FROM
from push import redeem_fit
from push.redeem_model import FEATURES, Line, Past, RedeemModel
from tests.factories import Makers

PAGE = "/operator/redeem-model"
FILES = (f"{PAGE}/weights.csv", f"{PAGE}/kinds.csv", f"{PAGE}/held.csv")
BIN = {"believed": 0.125, "offers": 400, "redeemed": 0.13, "low": 0.101, "high": 0.166}


def store(makers: Makers, district: District, *, p: float) -> Row:
    """A fitted model, and how it did on the newest offers."""
    weights = tuple((-1.0) ** place * (place + 1) / 4 for place in range(len(FEATURES)))
    model = RedeemModel(
        version=7,
        past={"percent:normal": Past(issued=5_000, redeemed=600)},
        line=Line(base=-2.0, means=(0.5,) * len(FEATURES), weights=weights),
    )
    told = {"offers": 800, "brier": 0.0912, "brier_prior": 0.1034, "calibration_p": p, "bins": [BIN]}
    row = Row(
        district_id=district.id,
        version=7,
        fitted_at=makers.clock.now(),
        until=makers.clock.now(),
        rows=5_000,
        redeemed=600,
        document=model.document(),
        reliability=told,
        is_linear=True,
    )
    makers.session.add(row)
    makers.done()
    return row


@pytest.mark.parametrize("path", [PAGE, *FILES])
async def test_only_the_operator_sees_it(merchant: httpx.AsyncClient, path: str) -> None:
    assert (await merchant.get(path)).headers["location"].startswith("/login?role=operator")


async def test_before_anything_was_fitted_the_prior_is_shown(operator: httpx.AsyncClient) -> None:
    page = (await operator.get(PAGE)).text
    assert "nothing better was found yet" in page
    assert "Nothing to judge by yet" in page
    assert "No reasons of its own yet" in page
    for path in FILES:
        assert (await operator.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("p", "said"), [(0.4, "The chances held"), (0.002, "The chances are off")], ids=["held", "off"]
)
async def test_a_fitted_model_is_shown_with_how_far_it_held(
    operator: httpx.AsyncClient, district: District, committed: Makers, p: float, said: str
) -> None:
    store(committed, district, p=p)
    page = (await operator.get(PAGE)).text
    for words in ("version 7", "5,000", "0.0912", "0.1034", f"p = {p:.3f}", said, "12.5%", "10.1%"):
        assert words in page
    assert "核销概率模型" in (await operator.get(f"{PAGE}?lang=zh")).text


async def test_the_files_have_the_same_rows(
    operator: httpx.AsyncClient, district: District, committed: Makers
) -> None:
    store(committed, district, p=0.4)
    weights, kinds, held = [(await operator.get(path)).text.splitlines() for path in FILES]
    assert len(weights) == len(FEATURES) + 1
    assert weights[1].startswith(f"{FEATURES[-1]},")
    assert math.isclose(float(weights[1].rpartition(",")[2]), len(FEATURES) / 4)
    assert any(line.startswith("percent:normal,5000,600,") for line in kinds)
    assert held[1] == "0.125,400,0.13,0.101,0.166"


def test_the_page_judges_as_the_fitting_does() -> None:
    assert CALIBRATED_FROM == redeem_fit.CALIBRATED_FROM
