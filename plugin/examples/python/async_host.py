#!/usr/bin/env python3
"""The host of host.py on asyncio: many questions at once, on one thread, that nobody waits for.

    python3 async_host.py PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [TRANSACTION-ID REQUEST.der]...

Prints "TRANSACTION-ID VERDICT CODE: MESSAGE" for each. Exit status as ../event_host.c.
"""
import asyncio
import sys
from ctypes import byref, c_void_p

from host import OK, PENDING, PKCS_REQ, Answer, Bytes, Instance, Request, Unusable, decide, read_file


async def ask(instance, begin, question):
    """One question. Whoever cancels this task cancels the question."""
    plugin, loop = instance.plugin, asyncio.get_running_loop()
    answer, call = Answer(), c_void_p()  # a local variable keeps answer, which the plugin writes into, until the call has ended
    status = begin(instance.handle, byref(question), byref(answer), byref(call))
    if status != OK:
        return decide(status, answer)
    try:
        while True:
            readable = asyncio.Event()
            descriptor = plugin.descriptor(call)
            loop.add_reader(descriptor, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(descriptor)
            status = plugin.finish(call)
            if status != PENDING:
                call = None
                return decide(status, answer)
    finally:
        if call is not None:
            plugin.cancel(call)


async def verify(instance, transaction_id, csr_path):
    request = Request(message_type=PKCS_REQ, timeout_ms=25000, transaction_id=Bytes(transaction_id.encode()),
                      csr_der=Bytes(read_file(csr_path)))
    verdict, code, message = await ask(instance, instance.plugin.begin_verify_request, request)
    print(f"{transaction_id} {verdict} {code}: {message}")
    return verdict


async def main(plugin_path, socket, *questions):
    with Instance(plugin_path, {"socket": socket}) as instance:
        if not instance.plugin.begin_verify_request:
            raise Unusable(f"{plugin_path}: this plugin only has the form that blocks: ask it with asyncio.to_thread")
        verdicts = await asyncio.gather(*[verify(instance, *pair) for pair in zip(questions[::2], questions[1::2])])
    return 0 if set(verdicts) == {"allow"} else 1 if "deny" in verdicts else 3


if __name__ == "__main__":
    if len(sys.argv) < 5 or len(sys.argv) % 2 == 0:
        sys.exit(print("usage: async_host.py PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der...", file=sys.stderr) or 2)
    try:
        sys.exit(asyncio.run(main(*sys.argv[1:])))
    except Unusable as problem:
        sys.exit(print(problem, file=sys.stderr) or 2)
