#!/usr/bin/env python3
"""The same search as optimize.py's with modules generated from the contract, as any language with gRPC would do it; without the package prenoise.

pip install grpcio grpcio-tools
./prenoise serve                                    # in the repository's root, in another terminal
python plugin-client/python/examples/stubs.py "a red circle and a blue square"
"""

import argparse
import importlib
import pathlib
import sys
import tempfile
import uuid

import grpc
import grpc_tools
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"


def contract():
    """The messages and the stub, generated from proto/ at start; a product would generate them once and ship them."""
    out = tempfile.mkdtemp(prefix="prenoise-stubs-")
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    file = "prenoise/v1/noise_provider.proto"
    if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={out}", f"--grpc_python_out={out}", file]):
        sys.exit("the contract does not compile")
    sys.path.insert(0, out)
    return (importlib.import_module("prenoise.v1.noise_provider_pb2"), importlib.import_module("prenoise.v1.noise_provider_pb2_grpc"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompt")
    parser.add_argument("--target", default="127.0.0.1:50551")
    parser.add_argument("-n", type=int, default=16, help="candidates to score")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    pb, rpc = contract()

    request = pb.OptimizeNoiseRequest(
        search_id=f"example-{uuid.uuid4()}",
        prompt=pb.Prompt(text=args.prompt),
        seed=args.seed,
        noise_source=pb.NOISE_SOURCE_TORCH_CPU,
        attention=pb.AttentionRanking(loss=pb.ATTENTION_LOSS_CONFORM),
        budget=pb.Budget(loss_evaluations=args.n),
        output=pb.Output(best=1, preview=pb.INCLUDE_BEST),
    )
    # A preview of a large picture outgrows gRPC's default limit of 4 MB.
    channel = grpc.insecure_channel(args.target, options=[("grpc.max_receive_message_length", 64 << 20)])
    events = rpc.NoiseProviderStub(channel).OptimizeNoise(request, timeout=600)
    try:
        for event in events:
            show(event)
    except KeyboardInterrupt:
        events.cancel()  # the search stops within one evaluation
        sys.exit(130)
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")


def show(event):
    kind = event.WhichOneof("event")
    if kind == "accepted":
        accepted = event.accepted
        subjects = ", ".join(f"{s.text} at tokens {list(s.token_indices)}" for s in accepted.subjects)
        print(f"accepted   {accepted.backbone}, noise {list(accepted.noise_shape)}, subjects: {subjects}")
    elif kind == "candidate":
        candidate = event.candidate
        star = " *" if candidate.best_so_far else ""
        print(f"candidate  {candidate.index:3d}  seed {candidate.recipe.seed:10d}  {candidate.score:.4f}{star}")
    elif kind == "progress":
        print(f"progress   {event.progress.fraction:4.0%}  best {event.progress.best_score:.4f}  {event.progress.stage}")
    elif kind == "summary":
        best, plain = event.summary.best[0], event.summary.baseline
        print(f"summary    plain seed {plain.recipe.seed}: {plain.score:.4f} -> seed {best.recipe.seed}: {best.score:.4f}")
        # best.noise: little-endian float32, unit variance, [1, C, H, W]. The host multiplies by its own first sigma:
        #     numpy.frombuffer(best.noise.data, "<f4").reshape(best.noise.shape)
        print(f"           noise of {len(best.noise.data)} bytes, shape {list(best.noise.shape)}")
        if best.preview_png:
            path = pathlib.Path("prenoise-example.png")
            path.write_bytes(best.preview_png)
            print(f"           picture in {path}")


if __name__ == "__main__":
    main()
