"""Planted leaks in the words of a release committee."""

from __future__ import annotations

from cxrgate.release_report.formats.one.leaks import ANY

CLASSES = {
    "identical": "identical copies",
    "re_encoded": "re-encoded copies",
    "medium_copy": "degraded copies",
    "strong_copy": "strongly degraded copies",
    "geometric": "copies that were turned, moved, cropped, scaled or mirrored",
    "intensity": "copies with other brightness or contrast",
    "noise_blur": "noisy or blurred copies",
    "local_edit": "copies with a part painted over",
    "blend": "blends with another patient's image",
    "elastic": "elastically bent copies",
    "same_patient": "another radiograph of the same patient",
    "generated": "near-duplicates drawn by an over-fitted generator",
}
STRENGTHS = {
    "same pixels": "the same pixels",
    "png 16 bit": "PNG with 16 bits",
    "192 px": "turned by 4°, cropped, lighter or darker, 192 pixels, JPEG quality 60",
    "112 px": "turned by 4°, cropped, lighter or darker, 112 pixels, JPEG quality 40",
    "CLAHE": "local contrast equalised",
    "another radiograph": "",
    ANY: "every strength",
}


def leak_class(name: str) -> str:
    """The class in words; an unknown one by its name."""
    return CLASSES.get(name, name.replace("_", " "))


def strength(name: str) -> str:
    """The strength in words; "" where the class has only one."""
    if name.startswith("jpeg "):
        return f"JPEG quality {name.removeprefix('jpeg ')}"
    return STRENGTHS.get(name, name)


def leak(leak_class_name: str, strength_name: str) -> str:
    """Class and strength in words, as a sentence takes them."""
    told = strength(strength_name)
    whole = strength_name == ANY or not told
    return leak_class(leak_class_name) + ("" if whole else f" ({told})")
