package dev.prenoise.server.grpc;

import dev.prenoise.engine.BackboneInfo;
import dev.prenoise.engine.DeviceInfo;
import dev.prenoise.engine.LoraInfo;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.jobs.Peers;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Backbone;
import dev.prenoise.v1.Device;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.Peer;
import dev.prenoise.v1.PeerState;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.VerifierInfo;
import dev.prenoise.verifier.VerifierOffer;
import java.util.List;

/** What this sidecar can do now. Loads nothing. */
final class Capabilities {
    private static final List<AttentionLoss> LOSSES = List.of(
            AttentionLoss.ATTENTION_LOSS_INITNO,
            AttentionLoss.ATTENTION_LOSS_CONFORM,
            AttentionLoss.ATTENTION_LOSS_SELF_CROSS,
            AttentionLoss.ATTENTION_LOSS_ATTEND_AND_EXCITE);

    private static final List<SearchAlgorithm> ALGORITHMS = List.of(
            SearchAlgorithm.SEARCH_ALGORITHM_RANDOM,
            SearchAlgorithm.SEARCH_ALGORITHM_ZERO_ORDER,
            SearchAlgorithm.SEARCH_ALGORITHM_PATHS,
            SearchAlgorithm.SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS,
            SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER);

    private Capabilities() {}

    static GetCapabilitiesResponse of(
            String version, ModelCatalog catalog, List<Peers.PeerStatus> peers, Limits limits) {
        GetCapabilitiesResponse.Builder response = GetCapabilitiesResponse.newBuilder()
                .setVersion(version)
                .setDefaultBackbone(catalog.defaultId())
                .addAllLosses(LOSSES)
                .addAllAlgorithms(ALGORITHMS)
                .setLimits(limits(limits));
        catalog.devices().forEach(device -> response.addDevices(device(device)));
        catalog.list().forEach(backbone -> response.addBackbones(backbone(backbone)));
        catalog.loras().forEach(lora -> response.addLoras(lora(lora)));
        catalog.verifiers().list().forEach(offer -> response.addVerifiers(verifier(offer)));
        peers.forEach(peer -> response.addPeers(peer(peer)));
        return response.build();
    }

    private static Peer peer(Peers.PeerStatus peer) {
        return Peer.newBuilder()
                .setAddress(peer.address())
                .setState(
                        switch (peer.state()) {
                            case SERVING -> PeerState.PEER_STATE_SERVING;
                            case NOT_SERVING -> PeerState.PEER_STATE_NOT_SERVING;
                            case OTHER -> PeerState.PEER_STATE_OTHER;
                        })
                .setReason(peer.reason())
                .build();
    }

    private static Device device(DeviceInfo device) {
        return Device.newBuilder()
                .setName(device.name())
                .setMemoryTotal(device.memoryTotal())
                .setMemoryFree(device.memoryFree())
                .build();
    }

    private static Backbone backbone(BackboneInfo info) {
        Backbone.Builder backbone = Backbone.newBuilder()
                .setId(info.id())
                .setFamily(info.family())
                .setLoaded(info.loaded())
                .setNativeSize(info.nativeSize())
                .setAttention(info.attention())
                .setBytes(info.bytes())
                .setPrediction(info.prediction());
        if (info.problem() != null) {
            backbone.setProblem(info.problem());
        }
        if (info.file() != null) {
            backbone.setFile(info.file());
        }
        if (info.sha256() != null) {
            backbone.setSha256(info.sha256());
        }
        return backbone.build();
    }

    private static dev.prenoise.v1.LoraInfo lora(LoraInfo info) {
        dev.prenoise.v1.LoraInfo.Builder lora = dev.prenoise.v1.LoraInfo.newBuilder()
                .setName(info.name())
                .setFile(info.file())
                .setBytes(info.bytes());
        if (info.problem() != null) {
            lora.setProblem(info.problem());
        }
        return lora.build();
    }

    private static VerifierInfo verifier(VerifierOffer offer) {
        return VerifierInfo.newBuilder()
                .setName(offer.name())
                .setAvailable(offer.problem() == null)
                .setReason(offer.problem() == null ? "" : offer.problem())
                .setTitle(offer.title())
                .setReadsPrompt(offer.readsPrompt())
                .setDifferentiable(offer.differentiable())
                .setTakesLabel(offer.takes().contains(VerifierOffer.Extra.LABEL))
                .setTakesInstructions(offer.takes().contains(VerifierOffer.Extra.INSTRUCTIONS))
                .build();
    }

    private static dev.prenoise.v1.Limits limits(Limits limits) {
        return dev.prenoise.v1.Limits.newBuilder()
                .setMessageBytes(limits.maxMessageBytes())
                .setSide(limits.maxSide())
                .setSteps(limits.maxSteps())
                .setLossEvaluations(limits.maxLossEvaluations())
                .setFunctionEvaluations(limits.maxFunctionEvaluations())
                .setWallTime(Protos.duration(limits.maxWallTime()))
                .setPromptLength(limits.maxPromptLength())
                .setSubjects(limits.maxSubjects())
                .setRecipes(limits.maxRecipes())
                .setNoiseValues(limits.maxNoiseValues())
                .setSearches(limits.maxSearches())
                .setVerifiers(limits.maxVerifiers())
                .setImages(limits.maxImages())
                .setImagePixels(limits.maxImagePixels())
                .build();
    }
}
