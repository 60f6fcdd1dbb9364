"""A gRPC server whose answers a test writes out: for what the real sidecar does rarely, late or never."""

from concurrent import futures

import grpc

from prenoise.channel import SERVICE


class Server:
    """Serves methods by name: functions of (bytes or an iterator of bytes, context), the streaming ones generators of bytes."""

    def __init__(self, port=0, credentials=None, **methods):
        handlers = {}
        for name, function in methods.items():
            kind = {
                "OptimizeNoise": grpc.unary_stream_rpc_method_handler,
                "OptimizeNoiseOnHost": grpc.stream_stream_rpc_method_handler,
            }.get(name, grpc.unary_unary_rpc_method_handler)
            handlers[name] = kind(function)
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 64 << 20)])
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.strip("/"), handlers)])
        address = f"127.0.0.1:{port}"
        self.port = self._server.add_secure_port(address, credentials) if credentials else self._server.add_insecure_port(address)
        self.target = f"127.0.0.1:{self.port}"
        self._server.start()

    def stop(self):
        self._server.stop(grace=0).wait(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
