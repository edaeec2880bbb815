"""docs/metrics.md says what the product says."""

from pathlib import Path

import pytest

from district.footfall.metrics import DEFINITIONS, FIGURES, Figure, Metric
from push.wording import Language, Localised

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("metric", Metric)
def test_every_metric_is_defined_there_in_the_same_words(metric: Metric) -> None:
    meant = DEFINITIONS[metric]
    assert f"| `{metric}` | {meant.unit} | {meant.text.given(Language.EN)} |" in PAGE


@pytest.mark.parametrize("figure", FIGURES)
def test_every_live_figure_is_defined_there_in_the_same_words(figure: Figure) -> None:
    assert f"| `{figure}` | {FIGURES[figure].given(Language.EN)} |" in PAGE


@pytest.mark.parametrize("texts", [*(one.text for one in DEFINITIONS.values()), *FIGURES.values()])
def test_every_definition_speaks_both_languages(texts: Localised) -> None:
    assert texts.zh
    assert texts.en
