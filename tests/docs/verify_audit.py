import hashlib, json, sys

head, seq, torn = "0" * 64, 0, b""
for line in sys.stdin.buffer:
    try:
        entry = json.loads(line)
    except ValueError:                       # a piece that a crash left: the next line must account for it
        torn += line
        continue
    if not line.endswith(b',"hash":"%s"}\n' % entry["hash"].encode()):
        sys.exit(f"line {seq + 1}: changed")
    if hashlib.sha256(line[:-76] + b"}").hexdigest() != entry["hash"]:
        sys.exit(f"line {seq + 1}: changed")
    if (entry["seq"], entry["prev"]) != (seq + 1, head) or entry["event"] == "audit_cut":
        sys.exit(f"line {seq + 1}: a line before it was removed, changed or moved")
    if entry["event"] == "audit_torn":
        if (entry["torn_bytes"], entry["torn_sha256"]) != (len(torn), hashlib.sha256(torn).hexdigest()):
            sys.exit(f"line {seq + 1}: not what the crash left")
        torn = b""
    if torn:
        sys.exit(f"line {seq + 1}: what stands before it is no line of the trail")
    head, seq = entry["hash"], seq + 1
sys.exit("ends in a piece of a line" if torn else print("sound:", seq, "lines, head", head))
