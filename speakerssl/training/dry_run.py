"""What a run would do, without doing it: steps, learning rates, positives and negatives a step."""

from collections.abc import Mapping
from typing import Any

from speakerssl.config import Config
from speakerssl.data.kaldi import DataDir
from speakerssl.data.store import FeatureStore
from speakerssl.errors import InputError
from speakerssl.options import in_file
from speakerssl.training.build import build_modules
from speakerssl.training.held_out import check_held_out, read_excluded
from speakerssl.training.schedule import batch_ratio, learning_rate, scaled_lr

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the run, at which the learning rate is shown
SYMMETRIES = {"one_direction": (1, 1), "dual": (2, 1), "both_views": (2, 2)}  # views that are anchors, and candidates


def describe_run(config: Config, processes: int = 1) -> dict[str, Any]:
    """Numbers of the run that `train` would start with `processes` processes; builds the modules to check the options.

    Raises InputError as `train` does: an unknown key, data that is missing or smaller than a batch.
    """
    with in_file(config.origin):
        _, method, _ = build_modules(config)
        ids = training_ids(config)
        check_held_out(config, ids)
        training = config.training
        if training.batch_size > len(ids):
            raise InputError(f"batch_size {training.batch_size} is larger than the {len(ids)} training recordings")
        per_epoch = len(ids) // training.batch_size
        total = training.steps or round((training.epochs or 0) * per_epoch)
        scale = scaled_lr(config.optimizer, batch_ratio(config)) / config.optimizer.lr
        points = [min(total - 1, round(share * (total - 1))) for share in SHARES]
        rates = {
            step: scale * learning_rate(step, total, per_epoch, config.optimizer, config.schedule) for step in points
        }
    return {
        "recordings": len(ids),
        "steps_per_epoch": per_epoch,
        "steps": total,
        "epochs": total / per_epoch,
        "learning_rate": rates,
        "parameters": sum(p.numel() for p in method.parameters() if p.requires_grad),
        "encoder_parameters": sum(p.numel() for p in method.final_encoder().parameters()),
        **count_pairs(config, processes),
    }


def training_ids(config: Config) -> list[str]:
    """The recordings that training would use, from lists alone. Raises InputError."""
    excluded = read_excluded(config)
    if config.data.store:
        found = [key for path in config.data.store for key in FeatureStore(path).ids]
    elif config.data.train:
        found = [key for path in config.data.train for key in DataDir.read(path, labels=False).recordings]
    else:
        raise InputError("data: name data directories under 'train' or feature stores under 'store'")
    return [key for key in found if key not in excluded]


def count_pairs(config: Config, processes: int = 1) -> dict[str, Any]:
    """Anchors a step, and positives and negatives of each anchor, over all processes.

    For a method without negatives an anchor is a view that is pulled towards others, its positives.
    """
    batch, views = config.training.batch_size, config.views
    name, loss = str(config.method.get("name", "simclr")), config.loss
    one_direction = {"anchors": 2 * batch, "positives": 1, "negatives": 0}
    if name in ("simclr", "moco", "multiview"):
        micro = batch // config.training.accumulate
        seen = micro if loss.get("gathered", True) else micro // processes
        anchors, candidates = SYMMETRIES[str(loss.get("symmetry", "both_views"))]
        negatives = candidates * (seen - 1)
        if name == "moco" and "negatives" not in loss:
            loss = {**loss, "negatives": "queue"}
        queue = _queue(loss)
        if queue is not None:
            negatives = int(queue.get("size", 16384)) + (negatives if queue.get("in_batch") else 0)
        counted: dict[str, Any] = {"anchors": anchors * batch, "positives": 1, "negatives": negatives}
        if name == "multiview" and views.num_local:
            local = {"anchors": views.num_local * batch, "positives": views.num_global}
            counted["local"] = {**local, "negatives": views.num_global * (seen - 1)}
        return counted
    if name == "cpc":
        ahead = int(config.method.get("steps", 4))
        return {"anchors": ahead * batch, "positives": 1, "negatives": batch - 1}
    if name == "lim":
        own = batch if config.method.get("objective", "nce") == "nce" else 1
        return {"anchors": batch, "positives": 1, "negatives": own}
    if name in ("dino", "swav"):
        total = views.num_global + views.num_local
        return {"anchors": total * batch, "positives": (2 * total - 2) / total, "negatives": 0}
    if name == "sdpn":
        teacher = int(config.method.get("teacher_views", 2))
        students = views.num_local if teacher == 1 else views.num_global + views.num_local
        positives = 1 if teacher == 1 else (2 * students - 2) / students
        return {"anchors": students * batch, "positives": positives, "negatives": 0}
    return one_direction


def _queue(loss: Mapping[str, Any]) -> Mapping[str, Any] | None:
    entries = loss.get("negatives", "batch")
    for entry in entries if isinstance(entries, (list, tuple)) else [entries]:
        options = {"name": entry} if isinstance(entry, str) else entry
        if options.get("name") == "queue":
            return options
    return None


def format_run(described: Mapping[str, Any]) -> str:
    """What `speakerssl train --dry-run` prints."""
    lines = [
        f"recordings       {described['recordings']}",
        f"steps an epoch   {described['steps_per_epoch']}",
        f"steps            {described['steps']} ({described['epochs']:g} epochs)",
        f"parameters       {described['parameters']} trained, {described['encoder_parameters']} in the model",
        "learning rate    " + ", ".join(f"{rate:.3g} at {step}" for step, rate in described["learning_rate"].items()),
        f"anchors a step   {described['anchors']}, each with {described['positives']:g} positives and "
        f"{described['negatives']} negatives",
    ]
    if "local" in described:
        local = described["local"]
        lines.append(
            f"local anchors    {local['anchors']}, each with {local['positives']} positives and "
            f"{local['negatives']} negatives"
        )
    return "\n".join(lines)
