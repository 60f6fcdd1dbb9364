package dev.prenoise.server.cli;

import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierInfo;
import io.grpc.StatusRuntimeException;
import java.util.List;

/** {@code --class}: of the verifiers asked for, those that take a class get it. */
final class ClassLabel {
    private ClassLabel() {}

    /**
     * @param label "" = none
     * @param verifiers those without a name that the service knows are left to its own complaint
     * @throws CliException when none of them takes one, or the service does not answer
     */
    static void apply(Service service, String label, List<Verifier.Builder> verifiers) {
        if (label.isEmpty()) {
            return;
        }
        List<String> takers = takers(service);
        List<Verifier.Builder> classifiers = verifiers.stream()
                .filter(verifier -> takers.contains(verifier.getName()))
                .toList();
        if (classifiers.isEmpty()) {
            throw new CliException("--class: without a --verifier that takes one (expected: with "
                    + (takers.isEmpty() ? "a classifier; there is none" : "one of " + String.join(", ", takers)) + ")");
        }
        classifiers.forEach(classifier -> classifier.setLabel(label));
    }

    private static List<String> takers(Service service) {
        try {
            return service
                    .stub()
                    .getCapabilities(GetCapabilitiesRequest.getDefaultInstance())
                    .getVerifiersList()
                    .stream()
                    .filter(VerifierInfo::getTakesLabel)
                    .map(VerifierInfo::getName)
                    .toList();
        } catch (StatusRuntimeException e) {
            throw Failures.of(e, service.name());
        }
    }
}
