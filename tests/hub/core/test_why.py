"""Why this price: what a parent reads, in French, for amounts worked out by hand."""

import pytest

from hub.core.why import sentences
from hub.core.whys import Part, Rule, Terms, Why
from hub.web.render import words
from tests.schools import ZONE, moment


def french(why: Why) -> list[str]:
    """The sentences in French, with plain spaces."""
    catalogue = words("fr")
    return [(catalogue.gettext(one.text) % one.values).replace("\u00a0", " ") for one in sentences(why, ZONE)]


CARE = Why(Rule.PERIODS, moment("15:30"), moment("16:40"), 70, 3, 30, 5, 750, 6_00, 66)
BANDS = Terms(
    2,
    rank=2,
    percent=50,
    late_after_min=1080,
    late_min=12,
    late_units=1,
    late_cents=5_00,
    group=9,
    group_cents=9_00,
    before_cents=2_75,
    parts=(Part(930, 960, 0, 0, 30, 0, 0), Part(960, 1080, 120, 4, 30, 5, 1005)),
)
SAID: list[tuple[Why, list[str]]] = [
    (Why(Rule.PRICE, unit_tenths=3200), ["Prix : 3,20 €.", "Total : 3,20 €."]),
    (
        Why(Rule.PRICE, units=2, unit_tenths=3200, supplement_cents=1_00),
        ["Prix : 2 × 3,20 €.", "Rien n’était commandé : supplément de 1,00 €.", "Total : 7,40 €."],
    ),
    (Why(Rule.UNPRICED, units=0), ["Aucun tarif n’était en vigueur ce jour-là : rien n’est compté."]),
    (
        Why(Rule.SESSION, moment("16:05"), moment("16:05"), unit_tenths=1000),
        ["Le 06/01/2025 à partir de 16:05 : une séance à 1,00 €.", "Total : 1,00 €."],
    ),
    (
        CARE,
        [
            "Le 06/01/2025 de 15:30 à 16:40 : 70 minutes.",
            "Périodes entamées de 30 minutes : 3 à 0,75 €.",
            "Les 5 premières minutes d’une nouvelle période ne sont pas comptées.",
            "Total : 2,25 €.",
        ],
    ),
    (
        Why(Rule.PERIODS, moment("07:00"), moment("18:00"), 660, 22, 30, 0, 755, 6_00, 66, Terms(1, bracket=10)),
        [
            "Le 06/01/2025 de 07:00 à 18:00 : 660 minutes.",
            "Périodes entamées de 30 minutes : 22 à 0,755 €.",
            "Pas de dossier familial valable ce jour-là : le tarif le plus élevé s’applique jusqu’à ce que le dossier soit là.",
            "Tarif de la tranche de revenus 10 sur 10.",
            "Au plus 6,00 € par présence.",
            "Total : 6,00 €.",
        ],
    ),
    (
        Why(
            Rule.SESSION,
            moment("16:05"),
            moment("17:00"),
            55,
            unit_tenths=1020,
            terms=Terms(1, file=7, qf_cents=850_00, rate_ppm=1_200, least_cents=50, most_cents=3_00),
        ),
        [
            "Le 06/01/2025 à partir de 16:05 : une séance à 1,02 €.",
            "Quotient familial 850,00 € × 0,12 %, au moins 0,50 € et au plus 3,00 €.",
            "Total : 1,02 €.",
        ],
    ),
    (
        Why(Rule.BANDS, moment("16:00"), moment("18:12"), 132, 4, tariff=66, terms=BANDS),
        [
            "Le 06/01/2025 de 16:00 à 18:12 : 132 minutes.",
            "Entre 16:00 et 18:00 : 120 minutes, périodes entamées de 30 minutes : 4 à 1,005 €.",
            "Les 5 premières minutes d’une nouvelle période ne sont pas comptées.",
            "Enfant numéro 2 de la famille : 50 % de moins.",
            "Repris 12 minutes après 18:00 : supplément 1 × 5,00 €.",
            "Au plus 9,00 € par jour pour l’ensemble de ces services ; 2,75 € déjà comptés.",
            "Total : 6,25 €.",
        ],
    ),
    (
        Why(Rule.ABSENCE, moment("16:05"), moment("17:15"), 70, unit_tenths=1000, tariff=66, terms=Terms(1, percent=50)),
        [
            "Le 06/01/2025 : absence, alors que la présence était prévue de 16:05 à 17:15.",
            "Pour une telle absence : 50 % du prix de ce temps, 1,00 €.",
            "Total : 0,50 €.",
        ],
    ),
    (
        Why(Rule.ABSENCE, moment("16:05"), moment("17:15"), 70, unit_tenths=1000, tariff=66, terms=Terms(1)),
        [
            "Le 06/01/2025 : absence, alors que la présence était prévue de 16:05 à 17:15.",
            "Pour une telle absence : 100 % du prix de ce temps, 1,00 €.",
            "Total : 1,00 €.",
        ],
    ),
    (
        Why(Rule.ABSENCE, moment("16:05"), moment("17:15"), unit_tenths=2500),
        [
            "Le 06/01/2025 : absence, alors que la présence était prévue de 16:05 à 17:15.",
            "Pour une telle absence : 2,50 €.",
            "Total : 2,50 €.",
        ],
    ),
]


@pytest.mark.parametrize(("why", "said"), SAID, ids=lambda value: value.rule.value if isinstance(value, Why) else None)
def test_a_parent_reads_how_a_price_was_made(why: Why, said: list[str]) -> None:
    assert french(why) == said
