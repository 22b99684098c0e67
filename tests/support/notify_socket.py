#!/usr/bin/env python3
"""What systemd is to a service: opens its sockets, takes its notifications, starts it.

    notify_socket.py --told FILE [--socket NAME=unix:PATH|NAME=tcp]... [--ports FILE] [--watchdog-ms N] -- COMMAND...

Each notification is a line of FILE. The sockets are handed over as sd_listen_fds(3) says; ports of TCP go to --ports.
The command gets this process's signals and ends it.
"""
import argparse
import os
import signal
import socket
import sys
import threading


def open_socket(address):
    if address == "tcp":
        made = socket.create_server(("127.0.0.1", 0))
    else:
        made = socket.socket(socket.AF_UNIX)
        made.bind(address.removeprefix("unix:"))
        made.listen(128)
    return made


def hand_over(sockets, command, environment):
    """Never returns. Descriptors from 3 on, in order; LISTEN_PID is whoever is executed."""
    spare = [os.dup2(made.fileno(), 100 + at) for at, (_, made) in enumerate(sockets)]
    for at, fd in enumerate(spare):
        os.dup2(fd, 3 + at, inheritable=True)
        os.close(fd)
    if sockets:
        environment["LISTEN_FDS"] = str(len(sockets))
        environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in sockets)
        environment["LISTEN_PID"] = str(os.getpid())
    os.execvpe(command[0], command, environment)


def listen(told, notifications):
    with open(told, "a", buffering=1) as out:
        while True:
            for line in notifications.recv(65536).decode().splitlines():
                out.write(line + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--told", required=True)
    parser.add_argument("--socket", action="append", default=[])
    parser.add_argument("--ports")
    parser.add_argument("--watchdog-ms", type=int)
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    path = asked.told + ".socket"
    notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notifications.bind(path)
    sockets = [(name, open_socket(address)) for name, address in (word.split("=", 1) for word in asked.socket)]
    if asked.ports:
        with open(asked.ports, "w") as out:
            for name, made in sockets:
                if made.family == socket.AF_INET:
                    out.write(f"{name} {made.getsockname()[1]}\n")
    environment = dict(os.environ, NOTIFY_SOCKET=path)
    child = os.fork()
    if child == 0:
        if asked.watchdog_ms:
            environment["WATCHDOG_USEC"] = str(asked.watchdog_ms * 1000)
            environment["WATCHDOG_PID"] = str(os.getpid())
        hand_over(sockets, asked.command, environment)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _: os.kill(child, got))
    threading.Thread(target=listen, args=(asked.told, notifications), daemon=True).start()
    _, status = os.waitpid(child, 0)
    os.unlink(path)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
