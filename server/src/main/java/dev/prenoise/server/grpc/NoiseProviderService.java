package dev.prenoise.server.grpc;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.NoiseProviderGrpc;
import io.grpc.stub.StreamObserver;

/** The contract. Every call is read and validated here and answered from the other rooms. */
public final class NoiseProviderService extends NoiseProviderGrpc.NoiseProviderImplBase {
    private final String version;
    private final ModelCatalog catalog;
    private final Limits limits;

    public NoiseProviderService(String version, ModelCatalog catalog, Limits limits) {
        this.version = version;
        this.catalog = catalog;
        this.limits = limits;
    }

    @Override
    public void getCapabilities(GetCapabilitiesRequest request, StreamObserver<GetCapabilitiesResponse> response) {
        response.onNext(Capabilities.of(version, catalog, limits));
        response.onCompleted();
    }
}
