"""What Debian knows of the libraries that a program loads: which package a file is from, and what that package is."""
import os
import re
import subprocess


def run(*command):
    """The output, even of a command that complained: dpkg-query does so of each file that is nobody's."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def libraries_of(programs):
    """{soname: path} of all that the programs load, however far down. A library that is missing is an error."""
    found = {}
    for program in programs:
        for line in run("ldd", program).splitlines():
            match = re.match(r"\s*(?:(\S+) => )?(/\S+|not found)", line)
            if match and match[2] == "not found":
                raise SystemExit(f"sbom: {program}: {match[1]} is not here")
            if match:
                found[match[1] or os.path.basename(match[2])] = os.path.realpath(match[2])
    return found


def needed_by(paths):
    """{path: [soname…]} by what each file itself asks for."""
    needed = {path: [] for path in paths}
    path = paths[0] if len(paths) == 1 else None  # readelf names files only if there are several
    for line in run("readelf", "-dW", *paths).splitlines():
        if line.startswith("File: "):
            path = line[len("File: "):]
        match = re.search(r"\(NEEDED\).*\[(.*)\]", line)
        if match:
            needed[path].append(match[1])
    return needed


def owners_of(paths):
    """{path: package} for those that are a package's; Debian knows a file of /usr/lib by its name before the merge, too."""
    names = [name for path in paths for name in (path, re.sub("^/usr/lib", "/lib", path))]
    owners = {}
    for line in run("dpkg-query", "-S", *names).splitlines() if names else []:
        package, _, path = line.partition(": ")
        owners[re.sub("^/lib", "/usr/lib", path)] = package
    return {path: owners[path] for path in paths if path in owners}


FIELDS = ("binary:Package", "Package", "Version", "Architecture", "source:Package", "source:Version", "Maintainer", "Homepage")


def facts_of(packages):
    """{package: {field: value}}"""
    if not packages:
        return {}
    form = "\\t".join("${%s}" % field for field in FIELDS) + "\\n"
    rows = (line.split("\t") for line in run("dpkg-query", "-W", "-f", form, *packages).splitlines())
    return {row[0]: dict(zip(FIELDS, row)) for row in rows}


def release():
    """The Debian release, as purl's distro qualifier has it: debian-12."""
    with open("/etc/os-release", encoding="utf-8") as file:
        values = dict(line.rstrip("\n").replace('"', "").split("=", 1) for line in file if "=" in line)
    return values["ID"] + "-" + values.get("VERSION_ID", "unstable")
