"""Hatchling's build hook: puts the built website into wheels, source distributions and editable installs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebsiteBuildHook(BuildHookInterface[Any]):  # type: ignore[misc]  # hatchling exists only while building
    """Runs before files are collected; what it writes is taken in by `artifacts` in pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        script = Path(self.root, "scripts/website.py")
        spec = importlib.util.spec_from_file_location("orchestra_website_build", script)
        assert spec is not None and spec.loader is not None, script
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.build(Path(self.root))
        # An editable install reads the examples where they are.
        examples = Path(self.root, "examples")
        if self.target_name == "wheel" and version != "editable" and examples.is_dir():
            build_data["force_include"][str(examples)] = "orchestra/examples"
