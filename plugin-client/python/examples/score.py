#!/usr/bin/env python3
"""Asks a running sidecar what its verifiers say of pictures, and prints the best first.

    pip install grpcio grpcio-tools
    ./prenoise serve                                    # in the repository's root, in another terminal
    python plugin-client/python/examples/score.py --prompt "a red circle" --verifier oracle a.png b.png
"""

import argparse
import math
import pathlib
import sys

import grpc

from optimize import contract


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="+", type=pathlib.Path, help="PNG, JPEG or WebP files")
    parser.add_argument("--prompt", default="")
    parser.add_argument("--verifier", action="append", help="may be given again; without one, those there are get listed")
    parser.add_argument("--target", default="127.0.0.1:50551")
    args = parser.parse_args()
    pb, rpc = contract()
    stub = rpc.NoiseProviderStub(grpc.insecure_channel(args.target))
    try:
        if not args.verifier:
            sys.exit("--verifier: one of " + ", ".join(available(stub.GetCapabilities(pb.GetCapabilitiesRequest(), timeout=60))))
        response = stub.ScoreImages(pb.ScoreImagesRequest(
            images=[image.read_bytes() for image in args.images],
            prompt=args.prompt,
            verifiers=[pb.Verifier(name=name) for name in args.verifier],
        ), timeout=600)
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
    scored = zip(args.images, response.scores)
    for image, score in sorted(scored, key=lambda pair: -pair[1].ensemble if math.isfinite(pair[1].ensemble) else math.inf):
        raw = "  ".join(f"{name} {value:.4f}" for name, value in sorted(score.scores.items()))
        print(f"{score.ensemble:.4f}  {image}  {raw}")
    for warning in response.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def available(capabilities):
    return [verifier.name for verifier in capabilities.verifiers if verifier.available]


if __name__ == "__main__":
    main()
