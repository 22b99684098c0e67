#!/usr/bin/env python3
"""oci_unpack.py ARCHIVE DIRECTORY: does as podman load does with an image layout of one layer, but trusts nothing: each blob must
have the digest and the size that is said of it, each document its media type. Prints the image's configuration."""
import gzip
import hashlib
import io
import json
import sys
import tarfile

MEDIA = "application/vnd.oci.image."


def blob(archive, descriptor, media_type):
    assert descriptor["mediaType"] == MEDIA + media_type, descriptor["mediaType"]
    algorithm, digest = descriptor["digest"].split(":")
    content = archive.extractfile(f"blobs/{algorithm}/{digest}").read()
    assert hashlib.sha256(content).hexdigest() == digest, f"{digest}: the digest"
    assert len(content) == descriptor["size"], f"{digest}: the size"
    return content


def main():
    with tarfile.open(sys.argv[1]) as archive:
        assert json.load(archive.extractfile("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
        index = json.load(archive.extractfile("index.json"))
        assert index["schemaVersion"] == 2 and len(index["manifests"]) == 1
        manifest = json.loads(blob(archive, index["manifests"][0], "manifest.v1+json"))
        config = json.loads(blob(archive, manifest["config"], "config.v1+json"))
        assert len(manifest["layers"]) == len(config["rootfs"]["diff_ids"]) == 1
        layer = gzip.decompress(blob(archive, manifest["layers"][0], "layer.v1.tar+gzip"))
        assert "sha256:" + hashlib.sha256(layer).hexdigest() == config["rootfs"]["diff_ids"][0], "the layer's diff_id"
        with tarfile.open(fileobj=io.BytesIO(layer)) as files:
            files.extractall(sys.argv[2], numeric_owner=True)
        assert len(archive.getnames()) == 5, "there are blobs that nothing names"
    json.dump(config, sys.stdout)


main()
