package dev.prenoise.server.jobs;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.Panel;
import dev.prenoise.engine.VerifierCatalog;
import dev.prenoise.server.store.VerifierChoice;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.VerifierException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * A search's verifiers with its question in mind. Opened and closed on the lane's thread; who on it waits for another machine is asked on
 * the search's.
 */
final class Jury implements AutoCloseable {
    private final List<Panel.Member> members = new ArrayList<>();

    /**
     * @param field of the request that lists the verifiers, for messages
     * @param words the prompt as a person would say it
     * @throws InvalidFieldException when a question cannot be used
     */
    static Jury open(VerifierCatalog catalog, String field, List<VerifierChoice> choices, String words) {
        Jury jury = new Jury();
        try {
            for (int i = 0; i < choices.size(); i++) {
                VerifierChoice choice = choices.get(i);
                Question question = new Question(words, choice.label(), choice.instructions());
                Judge judge = judge(catalog, field + "[" + i + "]", choice.name(), question);
                jury.members.add(new Panel.Member(choice.name(), judge, choice.weight()));
            }
            return jury;
        } catch (RuntimeException | Error e) {
            jury.close();
            throw e;
        }
    }

    /**
     * What {@link #open} would do in one long turn of the device, in turns of about a second. What was done stays done where this ends early.
     *
     * @param turn runs what it is given in a turn, or throws where the jury is no longer wanted
     * @throws InvalidFieldException as {@link #open}
     */
    static void prepare(
            VerifierCatalog catalog,
            String field,
            List<VerifierChoice> choices,
            String words,
            UnaryOperator<Supplier<Boolean>> turn) {
        for (int i = 0; i < choices.size(); i++) {
            VerifierChoice choice = choices.get(i);
            Question question = new Question(words, choice.label(), choice.instructions());
            String member = field + "[" + i + "]";
            Supplier<Boolean> part = turn.apply(
                    () -> asked(member, () -> catalog.open(choice.name()).prepare(question)));
            while (part.get()) {
                // others have had a turn in between
            }
        }
    }

    private static Judge judge(VerifierCatalog catalog, String field, String name, Question question) {
        return asked(field, () -> catalog.open(name).judge(question));
    }

    private static <T> T asked(String field, Supplier<T> work) {
        try {
            return work.get();
        } catch (VerifierException e) {
            String message = String.valueOf(e.getMessage());
            for (String part : List.of("label", "instructions")) {
                if (message.startsWith(part + ": ")) {
                    throw new InvalidFieldException(field + "." + part, message.substring(part.length() + 2));
                }
            }
            if (message.startsWith("prompt.text: ")) {
                throw new InvalidFieldException("prompt.text", message.substring("prompt.text: ".length()));
            }
            throw e;
        }
    }

    /**
     * For a search that has pictures judged which are predictions themselves.
     *
     * @throws InvalidFieldException when one compares a picture with its prediction
     */
    void requireNoPredictions(String field) {
        for (int i = 0; i < members.size(); i++) {
            if (members.get(i).judge().readsPrediction()) {
                throw new InvalidFieldException(
                        field + ".verifiers[" + i + "].name",
                        "\"" + members.get(i).name()
                                + "\" compares a picture with what it was predicted to be (expected: another"
                                + " verifier, or an algorithm that draws each picture to its end)");
            }
        }
    }

    Panel panel() {
        return new Panel(members);
    }

    /** What was not judged, and why, so far. */
    List<String> warnings() {
        return members.stream()
                .flatMap(member -> member.judge().warnings().stream())
                .toList();
    }

    @Override
    public void close() {
        members.forEach(member -> member.judge().close());
    }
}
