package dev.prenoise.server.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.server.FakeCatalog;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.NoiseProviderGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import org.junit.jupiter.api.Test;

class SidecarServerTest {
    @Test
    void start_onLoopback_answersCapabilities() {
        try (SidecarServer server = new SidecarServer(SidecarConfig.DEFAULT.withPort(0), new FakeCatalog())) {
            ManagedChannel channel = Grpc.newChannelBuilderForAddress(
                            "127.0.0.1", server.start(), InsecureChannelCredentials.create())
                    .build();
            try {
                GetCapabilitiesResponse capabilities = NoiseProviderGrpc.newBlockingStub(channel)
                        .getCapabilities(GetCapabilitiesRequest.getDefaultInstance());
                assertThat(capabilities.getVersion()).matches("\\d+\\.\\d+\\.\\d+.*");
                assertThat(capabilities.getDefaultBackbone()).isEqualTo(FakeCatalog.ID);
                assertThat(capabilities.getLossesCount()).isEqualTo(4);
            } finally {
                channel.shutdownNow();
            }
        }
    }

    @Test
    void start_onAnotherAddressWithoutTlsAndToken_refuses() {
        SidecarServer server = new SidecarServer(SidecarConfig.DEFAULT.withHost("0.0.0.0"), new FakeCatalog());
        assertThatThrownBy(server::start)
                .isInstanceOf(StartException.class)
                .hasMessage("host: 0.0.0.0 without TLS and a token"
                        + " (expected: a loopback address, or a TLS certificate, its key and a token)");
    }

    @Test
    void startInProcess_answersCapabilities() {
        try (SidecarServer server = new SidecarServer(SidecarConfig.DEFAULT, new FakeCatalog())) {
            assertThat(NoiseProviderGrpc.newBlockingStub(server.startInProcess())
                            .getCapabilities(GetCapabilitiesRequest.getDefaultInstance())
                            .getDevices(0)
                            .getName())
                    .isEqualTo("cpu");
        }
    }
}
