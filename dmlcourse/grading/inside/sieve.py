"""A system-call filter (seccomp): what namespaces and limits leave open, it closes.

An answer computes on arrays. It starts no process, so a limit on memory holds for all of it; opens
no socket but a Unix one, because network namespaces do not hold a virtual machine's own channel
(AF_VSOCK); keeps no memory outside its own address space, which the limit would not count; stays
on its processor, so that its threads slow no other submission; and makes no namespace, mount or
key of its own.
"""

from __future__ import annotations

import ctypes
import errno
import platform
from typing import Any

# The number of each system call on x86_64 and on aarch64; -1 where there is no such call.
NUMBERS: dict[str, tuple[int, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "execve": (59, 221),
    "execveat": (322, 281),
    "finit_module": (313, 273),
    "fork": (57, -1),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sched_setaffinity": (203, 122),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmget": (29, 194),
    "socket": (41, 198),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vfork": (58, -1),
}
SPECIAL = ("clone", "clone3", "socket")
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

LOAD, JUMP_IF_EQUAL, JUMP_FROM, JUMP_IF_ANY, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
FIRST_X32_CALL = 0x40000000
CLONE_THREAD, AF_UNIX = 0x00010000, 1
SET_FILTER = (22, 2)


class Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(Instruction)))


def number(name: str) -> int:
    """The number of a system call on this machine; OSError where the machine is not known."""
    machine = platform.machine()
    if machine not in MACHINES:
        raise OSError(f"no filter of system calls for a processor of type {machine}")
    return NUMBERS[name][MACHINES[machine][0]]


def instructions() -> list[Instruction]:
    """The filter for this machine."""
    no = REFUSE | errno.EPERM
    found = [
        Instruction(LOAD, 0, 0, ARCHITECTURE),
        Instruction(JUMP_IF_EQUAL, 1, 0, MACHINES[platform.machine()][1]),
        Instruction(RETURN, 0, 0, KILL),
        Instruction(LOAD, 0, 0, NUMBER),
        *_when(JUMP_FROM, FIRST_X32_CALL, no),
        # The C library asks in the older way when it hears that this call is not there.
        *_when(JUMP_IF_EQUAL, number("clone3"), REFUSE | errno.ENOSYS),
    ]
    for name in NUMBERS.keys() - set(SPECIAL):
        if number(name) >= 0:
            found += _when(JUMP_IF_EQUAL, number(name), no)
    found += _only("clone", JUMP_IF_ANY, CLONE_THREAD, no)
    found += _only("socket", JUMP_IF_EQUAL, AF_UNIX, no)
    return [*found, Instruction(RETURN, 0, 0, ALLOW)]


def _when(test: int, value: int, verdict: int) -> list[Instruction]:
    return [Instruction(test, 0, 1, value), Instruction(RETURN, 0, 0, verdict)]


def _only(name: str, test: int, value: int, otherwise: int) -> list[Instruction]:
    """Let a call pass when its first argument passes a test."""
    return [
        Instruction(JUMP_IF_EQUAL, 0, 4, number(name)),
        Instruction(LOAD, 0, 0, FIRST_ARGUMENT),
        Instruction(test, 0, 1, value),
        Instruction(RETURN, 0, 0, ALLOW),
        Instruction(RETURN, 0, 0, otherwise),
    ]


def drop_system_calls(libc: Any) -> None:
    """Put the filter on this process, for good. Needs "no new privileges" before it."""
    code = instructions()
    program = Program(len(code), (Instruction * len(code))(*code))
    option, mode = map(ctypes.c_ulong, SET_FILTER)
    if libc.prctl(ctypes.c_int(option.value), mode, ctypes.byref(program), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")
