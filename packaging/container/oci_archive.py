#!/usr/bin/env python3
"""oci_archive.py ROOTFS_TAR_GZ VERSION OUT: an OCI image layout (image-spec 1.0) with one layer, as a tar.

What the image says of itself is what the Containerfile beside this says. The time stamps are SOURCE_DATE_EPOCH."""
import gzip
import hashlib
import io
import json
import os
import re
import sys
import tarfile
import time

CONTAINERFILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Containerfile")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}
MEDIA = "application/vnd.oci.image."


def containerfile_config():
    """What the container is run with: the words of ENV, USER, VOLUME, STOPSIGNAL, ENTRYPOINT."""
    config = {"Env": [], "Volumes": {}}
    with open(CONTAINERFILE, encoding="utf-8") as lines:
        for word, rest in re.findall(r"^([A-Z]+) (.*)$", lines.read(), re.MULTILINE):
            if word == "ENV":
                config["Env"].append(rest)
            elif word == "VOLUME":
                config["Volumes"][rest] = {}
            elif word == "USER":
                config["User"] = rest
            elif word == "STOPSIGNAL":
                config["StopSignal"] = rest
            elif word == "ENTRYPOINT":
                config["Entrypoint"] = json.loads(rest)
            elif word not in ("FROM", "ARG", "ADD", "HEALTHCHECK"):  # an OCI image knows no HEALTHCHECK
                sys.exit(f"oci_archive.py: the Containerfile's {word} is not known here")
    return config


class Layout:
    """The files of an image layout: blobs by their digest."""

    def __init__(self):
        self.files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def add_blob(self, media_type, content):
        digest = hashlib.sha256(content).hexdigest()
        self.files["blobs/sha256/" + digest] = content
        return {"mediaType": MEDIA + media_type, "digest": "sha256:" + digest, "size": len(content)}

    def add_json(self, media_type, value):
        return self.add_blob(media_type, json.dumps(value, sort_keys=True).encode())

    def write(self, path, epoch):
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name in sorted(self.files):
                member = tarfile.TarInfo(name)
                member.size = len(self.files[name])
                member.mtime = epoch
                archive.addfile(member, io.BytesIO(self.files[name]))


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: oci_archive.py ROOTFS_TAR_GZ VERSION OUT")
    rootfs, version, out = sys.argv[1:]
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    with open(rootfs, "rb") as file:
        compressed = file.read()

    layout = Layout()
    layer = layout.add_blob("layer.v1.tar+gzip", compressed)
    config = layout.add_json("config.v1+json", {
        "architecture": ARCHITECTURES[os.uname().machine], "os": "linux", "created": created,
        "config": containerfile_config(),
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(gzip.decompress(compressed)).hexdigest()]},
        "history": [{"created": created, "created_by": "intune-scep-connector " + version}],
    })
    manifest = layout.add_json("manifest.v1+json", {
        "schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "config": config, "layers": [layer],
        "annotations": {
            "org.opencontainers.image.title": "intune-scep-connector",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.created": created,
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    })
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "intune-scep-connector:" + version}
    layout.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}, sort_keys=True).encode()
    layout.write(out, epoch)


main()
