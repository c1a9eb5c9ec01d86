"""One word for each classification loss: `loss: {name: aam}`, and the options that change it.

A word stands for a head and its usual settings. `margin` is a number (its size) or a mapping that is laid over the
word's own margin, such as `{value: 0.5}` or `{schedule: cosine_ramp, ramp_steps: 20000}`; a mapping with another
`name` takes its place.
"""

from collections.abc import Mapping
from typing import Any

from speakerssl.errors import unknown_name
from speakerssl.losses.build import build_margin
from speakerssl.losses.head import Head
from speakerssl.losses.linear import LinearHead
from speakerssl.losses.softmax import ClassificationHead
from speakerssl.losses.sphereface2 import SphereFace2Head
from speakerssl.options import check_keys, named_arguments

_AAM = {"name": "additive_angular", "value": 0.2}

# word: (head, its settings). Margins of 0.2 and scale 30 are speaker verification's (verified for am, aam and
# sphereface2). Face recognition's 0.4 of AdaFace (verified) and 0.5 of CurricularFace (verified) are 0.2 here, for
# want of published speech set-ups (unverified).
CLASSIFIERS: dict[str, tuple[type[Head], dict[str, Any]]] = {
    "softmax": (LinearHead, {}),
    "normalized_softmax": (ClassificationHead, {"margin": {"name": "none"}}),
    "am": (ClassificationHead, {"margin": {"name": "additive", "value": 0.2}}),
    "aam": (ClassificationHead, {"margin": _AAM}),
    "subcentre_aam": (ClassificationHead, {"margin": _AAM, "subcentres": 3}),
    "inter_topk": (ClassificationHead, {"margin": _AAM, "subcentres": 3, "inter_topk": 5}),
    "adaface": (ClassificationHead, {"margin": {"name": "adaface", "value": 0.2}}),
    "curricularface": (ClassificationHead, {"margin": {"name": "curricular", "value": 0.2}}),
    "magface": (ClassificationHead, {"margin": {"name": "magface"}}),
    "sphereface2": (SphereFace2Head, {"margin": {"name": "additive", "value": 0.2}}),
}


def build_head(config: Mapping[str, Any], embed_dim: int, num_classes: int) -> Head:
    """The head that `{name: WORD, ...}` describes, for embeddings of `embed_dim` and `num_classes` classes.

    Without a name it is `aam`. Raises InputError for an unknown word or option, listing the valid ones.
    """
    options = dict(config)
    word = str(options.pop("name", "aam"))
    if word not in CLASSIFIERS:
        raise unknown_name("classification loss", word, CLASSIFIERS)
    head, settings = CLASSIFIERS[word]
    valid = [key for key in named_arguments(head) if key not in ("embed_dim", "num_classes")]
    check_keys(f"loss '{word}'", options, valid)
    settings = {**settings, **options}
    if "margin" in valid:
        settings["margin"] = build_margin(_laid_over(CLASSIFIERS[word][1]["margin"], options.get("margin", {})))
    if "inter_topk" in settings and "inter_topk" not in options:  # a word's own k gives way to few classes
        settings["inter_topk"] = min(settings["inter_topk"], num_classes - 1)
    return head(embed_dim, num_classes, **settings)


def _laid_over(own: Mapping[str, Any], given: Any) -> Any:
    """A word's own margin, changed by what is given."""
    if isinstance(given, str):
        return {"name": given}
    if isinstance(given, (int, float)):
        return {**own, "value": given}
    return dict(given) if given.get("name", own["name"]) != own["name"] else {**own, **given}
