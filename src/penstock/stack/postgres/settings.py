"""Settings of the embedded servers: tuned for a warehouse on a small machine, without giving up durability."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MB = 1024 * 1024
Settings = Mapping[str, str]


def server_settings(name: str, port: int) -> dict[str, str]:
    """Return the settings for one server.

    Args:
        name: Name of the server. For `warehouse`, rows of a table created in the same transaction skip the WAL.
        port: Port to listen on, on the loopback address only.

    Example:
        >>> server_settings("source", 5433)["listen_addresses"]
        '127.0.0.1'
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        # Local TCP only; a socket file would need a directory that all accounts can write to.
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "100",
        **_memory(memory if name != "metadata" else 0),  # Airflow's database stays small
        **_durability(name),
        **_log(),
        # Nearly all storage is solid state; the default of 4 makes the planner avoid indexes.
        "random_page_cost": "1.1",
        # On small machines with short statements, JIT compilation costs more than it saves.
        "jit": "off",
        # A table partitioned by month needs a lock for each partition and index.
        "max_locks_per_transaction": "256",
        "timezone": "UTC",
        "datestyle": "iso, ymd",
        "autovacuum_naptime": "30s",
    }


def _memory(total: int) -> dict[str, str]:
    return {
        # The servers and Airflow share the machine, so each server gets a sixteenth, and the page cache gets the rest.
        "shared_buffers": f"{min(max(total // 16, 128 * MB), 1024 * MB) // MB}MB",
        "effective_cache_size": f"{max(total // 2, 256 * MB) // MB}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",  # building a key on 5 million rows stays in memory
        "temp_buffers": "32MB",
        "dynamic_shared_memory_type": "posix" if _is_roomy(Path("/dev/shm")) else "mmap",  # noqa: S108  # the system's own
    }


def _is_roomy(shared_memory: Path) -> bool:
    """Whether shared memory is large enough; a parallel join can exceed the 64 MB that containers get by default."""
    if not shared_memory.is_dir():
        return False
    filesystem = os.statvfs(shared_memory)
    return filesystem.f_blocks * filesystem.f_frsize >= 512 * MB


def _durability(name: str) -> dict[str, str]:
    settings = {
        # Commits survive a crash and a power failure. A copy is one commit, so this costs one flush.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # In this build, `on` means pglz, which made merges four times slower.
        "wal_compression": "off",
        # Large loads need few checkpoints.
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "wal_buffers": "16MB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "max_wal_senders": "0",
    }
    if name == "warehouse":
        # Rows copied into a table created in the same transaction skip the WAL; the table is flushed at commit. This
        # rules out replication, which an embedded warehouse does not need.
        settings["wal_level"] = "minimal"
    return settings


def _log() -> dict[str, str]:
    return {
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %d ",
        "log_checkpoints": "off",
        # Statements and error details may hold secrets and personal data, so neither is logged.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
    }


def as_text(settings: Settings) -> str:
    r"""Return the settings in the format of a Postgres configuration file.

    Example:
        >>> as_text({"port": "5433"})
        "port = '5433'\n"
    """
    return "".join(f"{key} = '{value.replace(chr(39), chr(39) * 2)}'\n" for key, value in settings.items())
