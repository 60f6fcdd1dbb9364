package dev.prenoise.verifier;

import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.TokenizerException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A verifier that is a network, or some, over weights in files.
 *
 * @param weights all it reads; they load as the network does
 * @param beside files that its scores depend on besides; the configs and the tokenizer that lie beside weights are added
 * @param preparing see {@link #prepare}
 * @param judges makes the judge of a question
 */
record NetworkVerifier(
        String name,
        List<Weights> weights,
        List<Path> beside,
        Predicate<Question> preparing,
        Function<Question, Judge> judges)
        implements Verifier {
    NetworkVerifier {
        weights = List.copyOf(weights);
        Set<Path> all = new LinkedHashSet<>(beside);
        weights.stream()
                .flatMap(each -> each.paths().stream())
                .map(file -> file.toAbsolutePath().getParent())
                .forEach(folder -> all.addAll(VerifierFiles.settings(folder)));
        beside = List.copyOf(all);
    }

    NetworkVerifier(String name, List<Weights> weights, List<Path> beside, Function<Question, Judge> judges) {
        this(name, weights, beside, question -> false, judges);
    }

    NetworkVerifier(String name, List<Weights> weights, Function<Question, Judge> judges) {
        this(name, weights, List.of(), judges);
    }

    /**
     * Opens one, or what it needs; whatever its files have wrong is told with the verifier's name.
     *
     * @throws VerifierException when the files cannot be read or do not fit the network
     */
    static <T> T open(String name, Supplier<T> opening) {
        try {
            return opening.get();
        } catch (IllegalArgumentException | SafetensorsException | TokenizerException | VerifierException e) {
            throw new VerifierException(name + ": " + e.getMessage(), e);
        }
    }

    @Override
    public Object body() {
        return weights.size() == 1 ? weights.get(0) : this;
    }

    @Override
    public boolean prepare(Question question) {
        return preparing.test(question);
    }

    @Override
    public Judge judge(Question question) {
        return judges.apply(question);
    }

    @Override
    public List<Path> files() {
        return Stream.concat(weights.stream().flatMap(each -> each.paths().stream()), beside.stream())
                .distinct()
                .toList();
    }

    @Override
    public long bytes() {
        return weights.stream().mapToLong(Weights::bytes).sum();
    }

    @Override
    public long loadedBytes() {
        return weights.stream().mapToLong(Weights::loadedBytes).sum();
    }

    @Override
    public long unload() {
        return weights.stream().mapToLong(Weights::unload).sum();
    }

    @Override
    public void close() {
        weights.forEach(Weights::close);
    }
}
