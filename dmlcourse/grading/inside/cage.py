"""Namespaces, mounts and limits, by system call: the walls around one submission.

The zygote moves into a small read-only root once (``move_in``). Each submission then gets its own
processes, network (none), messages, host name and scratch folder (``isolate``), and gives up every
right it has left (``surrender``). Linux 5.12 or newer, as root or as an ordinary user.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

from .link import SCRATCH
from .sieve import drop_system_calls, number

NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000
NEW_PROCESSES, NEW_NETWORK, NEW_IPC, NEW_HOST = 0x20000000, 0x40000000, 0x08000000, 0x04000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8
BIND, RECURSIVE, PRIVATE, DETACH = 4096, 16384, 1 << 18, 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
PDEATHSIG, BOUNDING_SET_DROP, NO_NEW_PRIVILEGES = 1, 24, 38
CAPABILITIES_V3, LAST_CAPABILITY = 0x20080522, 63

DEVICES = ("null", "zero", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> None:
    """Call a function of libc; OSError with its name where it fails."""
    if getattr(libc, name)(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    call("unshare", ctypes.c_int(flags))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    texts = (source.encode(), target.encode(), kind.encode() or None)
    call("mount", *texts, ctypes.c_ulong(flags), options.encode() or None)


def prctl(option: int, value: int) -> None:
    call("prctl", ctypes.c_int(option), *map(ctypes.c_ulong, (value, 0, 0, 0)))


def move_in(stage: str, package: str, shown: Sequence[str], hidden: Sequence[str]) -> None:
    """Make a new root of ``stage``: ``shown`` at their own paths, ``package`` at /course.

    All of it is read-only. ``hidden`` are folders within ``shown`` that stay out of sight. The
    process must have one thread.
    """
    os.umask(0o022)
    _leave_the_host()
    mount("tmpfs", stage, "tmpfs", options="size=1m,mode=0755")
    for path in shown:
        _show(path, stage + path)
    for path in hidden:
        mount("tmpfs", stage + path, "tmpfs", options="size=4k,mode=0755")
    _show(package, f"{stage}/course")
    os.mkdir(stage + SCRATCH)
    if not os.path.exists(f"{stage}/tmp"):
        os.symlink(SCRATCH, f"{stage}/tmp")
    os.mkdir(f"{stage}/dev")
    os.symlink(SCRATCH, f"{stage}/dev/shm")
    for name in DEVICES:
        open(f"{stage}/dev/{name}", "x").close()
    _seal(stage)
    # For what libraries write while they load. Every submission covers it with its own.
    loading = NO_SUID | NO_DEVICES | NO_EXEC
    mount("tmpfs", stage + SCRATCH, "tmpfs", loading, "size=16m,mode=0700")
    for name in DEVICES:
        mount(f"/dev/{name}", f"{stage}/dev/{name}", flags=BIND)
    os.chdir(stage)
    call("syscall", ctypes.c_long(number("pivot_root")), b".", b".")
    call("umount2", b".", ctypes.c_int(DETACH))
    os.chdir("/")


def _leave_the_host() -> None:
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(NEW_MOUNTS)
    except PermissionError:
        unshare(NEW_USER | NEW_MOUNTS)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    mount("none", "/", flags=RECURSIVE | PRIVATE)


def _show(path: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "x").close()
    mount(path, target, flags=BIND | RECURSIVE)


def _seal(stage: str) -> None:
    # One call for the whole tree; a plain remount would leave submounts writable.
    wanted = (ctypes.c_uint64 * 4)(READ_ONLY | NO_SUID | NO_DEVICES, 0, 0, 0)
    place = (ctypes.c_int(AT_FDCWD), ctypes.c_char_p(stage.encode()))
    size = ctypes.c_size_t(ctypes.sizeof(wanted))
    which = ctypes.c_long(number("mount_setattr"))
    call("syscall", which, *place, ctypes.c_uint(AT_RECURSIVE), ctypes.byref(wanted), size)


def isolate(scratch_bytes: int) -> None:
    """Separate this process from all others; its next child is the first of its own world."""
    unshare(NEW_MOUNTS | NEW_PROCESSES | NEW_NETWORK | NEW_IPC | NEW_HOST)
    options = f"size={scratch_bytes},nr_inodes=4096,mode=1777"
    mount("tmpfs", SCRATCH, "tmpfs", NO_SUID | NO_DEVICES | NO_EXEC, options)
    call("sethostname", b"jail", ctypes.c_size_t(4))
    os.chdir(SCRATCH)


def surrender(user: int) -> None:
    """Give up every capability, and the system calls that an answer has no use for.

    Root becomes ``user``; anybody else stays who they are.
    """
    for capability in range(LAST_CAPABILITY + 1):
        # Fails from the first capability on that this kernel does not know.
        libc.prctl(BOUNDING_SET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    if os.geteuid() == 0:
        _become(user)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0)
    call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    prctl(NO_NEW_PRIVILEGES, 1)
    # Last, because a change of user takes it back.
    prctl(PDEATHSIG, 9)
    drop_system_calls(libc)


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
