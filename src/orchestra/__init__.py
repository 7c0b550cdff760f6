"""Orchestra: self-hosted, distributed job orchestration that tells the truth about every run."""

__version__ = "0.1.0"
