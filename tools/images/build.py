"""Builds what is missing or was made from other sources, from the bottom up."""

import tempfile
from pathlib import Path

from stacks.cache import cache_folder
from stacks.jar_lock import LOCK
from tools.images import base
from tools.images.docker import build, forget_replaced, inputs_of, require_engine
from tools.images.recipes import KAFKA_3_LOCK, Recipe, digest, recipes, write_context
from tools.setup.exclusive import only_one
from tools.setup.jars import ensure_jars
from tools.setup.progress import step


def build_images() -> list[str]:
    """Sees to all images; the tags of those that had to be made."""
    require_engine()
    for lock in (LOCK, KAFKA_3_LOCK):
        ensure_jars(lock)
    with only_one(cache_folder() / "images" / "build.lock"):
        return _build_missing()


def _build_missing() -> list[str]:
    made = []
    digests = {base.TAG: base.digest()}
    if inputs_of(base.TAG) != digests[base.TAG]:
        with step("images", f"{base.TAG}, from Debian's packages") as shown:
            base.make(shown.say)
        made.append(base.TAG)
    for recipe in recipes():
        inputs = digests[recipe.tag] = digest(recipe, digests[recipe.parent])
        if recipe.parent in made or inputs_of(recipe.tag) != inputs:
            _build(recipe, inputs)
            made.append(recipe.tag)
    if made:
        forget_replaced()
    return made


def _build(recipe: Recipe, inputs: str) -> None:
    with step("images", f"{recipe.tag}, on {recipe.parent}") as shown, tempfile.TemporaryDirectory() as folder:
        context = Path(folder, "context.tar")
        write_context(recipe, context)
        build(recipe.tag, context, recipe.parent, inputs, shown.say)
