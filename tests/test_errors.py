"""Every message is one line that a terminal shows as it is, whatever the name of a file holds."""

import pytest

from ava_np.errors import AvaError, PictureError, printable

HOSTILE = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xDCFF]))


@pytest.mark.parametrize("character", HOSTILE)
def test_no_message_holds_a_character_that_steers_a_terminal(character: str) -> None:
    for kind in (AvaError, PictureError):
        text = str(kind(f"photos{character}/a.png: is empty"))
        assert character not in text
        assert text.startswith("photos\\")
        assert text.isprintable()


def test_other_text_is_left_as_it_is() -> None:
    assert printable("Füße 猫 🐈 \\ É.png") == "Füße 猫 🐈 \\ É.png"
