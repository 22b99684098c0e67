#!/usr/bin/env python3
"""Runs a program on a terminal of its own, and types.

    on_terminal.py [PROMPT KEYS]… -- PROGRAM [ARGUMENT]…

Waits for each PROMPT, behind what was found before, and then types KEYS, in which \\n, \\x03 and the like are keys; <SIGTERM> and
the like at their end is a signal that somebody sends to who is in the foreground. Prints what the terminal has shown, and exits
as the program does; 120 when a prompt does not come, or the program leaves the terminal without echo.
"""
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

SECONDS = 60
FLAGS = 3  # of what tcgetattr returns: the local ones


class Terminal:
    """What a program shows on it, and the program."""

    def __init__(self, command):
        self.shown = b""
        self.deadline = time.monotonic() + SECONDS
        self.fd, self.far_end = pty.openpty()  # which stays open, so that its settings outlive the program
        self.program = subprocess.Popen(
            command, stdin=self.far_end, stdout=self.far_end, stderr=self.far_end, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.ended = os.pidfd_open(self.program.pid)

    def read(self):
        """Shows more; false when the program has ended and has shown everything."""
        ready = select.select([self.fd, self.ended], [], [], max(0, self.deadline - time.monotonic()))[0]
        if not ready:
            raise TimeoutError
        if self.fd in ready:
            self.shown += os.read(self.fd, 65536)
        return self.fd in ready

    def wait_for(self, prompt, begin):
        while (at := self.shown.find(prompt, begin)) < 0:
            if not self.read():
                raise TimeoutError
        return at + len(prompt)

    def type(self, keys):
        keys, name = re.fullmatch(r"(.*?)(?:<(SIG[A-Z0-9]+)>)?", keys, re.S).groups()
        os.write(self.fd, keys.encode().decode("unicode_escape").encode("latin-1"))
        select.select([self.far_end], [], [], 0)  # now the terminal has them, not only the kernel's queue
        if name:
            os.killpg(os.tcgetpgrp(self.fd), signal.Signals[name])

    def is_echoing(self):
        return bool(termios.tcgetattr(self.fd)[FLAGS] & termios.ECHO)


def follow(terminal, script):
    """What went wrong, or None."""
    at, prompt = 0, "the end"
    try:
        for prompt, keys in script:
            at = terminal.wait_for(prompt.encode(), at)
            terminal.type(keys)
        prompt = "the end"
        while terminal.read():
            pass
    except TimeoutError:
        terminal.program.kill()
        return f"this did not come: {prompt}"
    return None if terminal.is_echoing() else "the terminal was left without echo"


def main():
    middle = sys.argv.index("--")
    script = sys.argv[1:middle]
    terminal = Terminal(sys.argv[middle + 1:])
    fault = follow(terminal, list(zip(script[::2], script[1::2])))
    status = terminal.program.wait()
    sys.stdout.write(terminal.shown.decode(errors="replace").replace("\r\n", "\n"))
    if fault:
        print("on_terminal:", fault, file=sys.stderr)
    sys.exit(120 if fault else status if status >= 0 else 128 - status)


main()
