"""Words of the command line: what each names, and that a word that names nothing, or two things, is said back with what to do."""

import pytest

from hub.core.school import School
from hub.errors import RefusedError
from hub.meant import pupil_called
from tests.schools import number, small_school


def test_a_pupil_is_called_by_number_or_name_and_two_of_one_name_by_number() -> None:
    school = small_school()
    assert pupil_called(school, "léa vanderzande") is pupil_called(school, str(number("Léa"))) is school.pupils[number("Léa")]
    twins = School(pupils={**school.pupils, 5: school.pupils[number("Léa")]})
    with pytest.raises(RefusedError, match="several pupils: name one by its number"):
        pupil_called(twins, "Léa Vanderzande")
