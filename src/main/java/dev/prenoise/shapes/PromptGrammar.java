package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads prompts of this world, one instance a prompt:
 *
 * <pre>
 * prompt   = objects { joint objects } | object relation object
 * objects  = [ "a" | "an" | "the" | "one" ] [ colour ] shape | ( "two" | "three" ) [ colour ] plural
 * joint    = "," | "and" | "," "and"
 * relation = "left of" | "right of" | "above" | "below"
 * </pre>
 */
final class PromptGrammar {
    private static final Pattern WORD = Pattern.compile("[^\\s,]+|,");
    private static final Map<String, Integer> NUMBERS =
            Map.of("a", 1, "an", 1, "the", 1, "one", 1, "two", 2, "three", 3);

    private final List<String> words;
    private int at;
    /** What would have been understood where reading stopped. */
    private String expected = "";

    private PromptGrammar(List<String> words) {
        this.words = words;
    }

    static PromptReading read(String prompt) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(prompt);
        while (matcher.find()) {
            words.add(matcher.group());
        }
        PromptGrammar grammar = new PromptGrammar(words);
        Optional<PromptGoal> goal = grammar.goal();
        if (goal.isPresent()) {
            return new PromptReading.Understood(goal.get());
        }
        return new PromptReading.NotUnderstood(
                grammar.at < words.size() ? words.get(grammar.at) : "", grammar.expected);
    }

    private Optional<PromptGoal> goal() {
        List<Wanted> wanted = new ArrayList<>();
        if (!objects(wanted)) {
            return Optional.empty();
        }
        Optional<Relation> relation = single(wanted) ? relation() : Optional.empty();
        if (relation.isPresent()) {
            return object(wanted) && atEnd() ? Optional.of(new PromptGoal(wanted, relation)) : Optional.empty();
        }
        while (at < words.size()) {
            if (!joint(wanted) || !objects(wanted)) {
                return Optional.empty();
            }
        }
        return Optional.of(new PromptGoal(wanted, Optional.empty()));
    }

    private boolean objects(List<Wanted> wanted) {
        int count = NUMBERS.getOrDefault(word(), 0);
        if (count > 0) {
            at++;
        }
        return phrase(Math.max(1, count), wanted);
    }

    private boolean object(List<Wanted> wanted) {
        if (NUMBERS.getOrDefault(word(), 0) == 1) {
            at++;
        }
        return phrase(1, wanted);
    }

    private boolean phrase(int count, List<Wanted> wanted) {
        Optional<Colour> colour = Colour.ofWord(word());
        if (colour.isPresent()) {
            at++;
        }
        Optional<Shape> shape = count > 1 ? Shape.ofPlural(word()) : Shape.ofWord(word());
        if (shape.isEmpty()) {
            String shapes = list(Shape.values(), count > 1 ? Shape::plural : Shape::word);
            expected = (colour.isPresent() ? "" : list(Colour.values(), Colour::word) + ", ") + shapes;
            return false;
        }
        at++;
        wanted.add(new Wanted(shape.get(), colour, count));
        return true;
    }

    private boolean joint(List<Wanted> wanted) {
        boolean comma = take(",");
        boolean and = take("and");
        if (!comma && !and) {
            expected = "and, a comma" + (single(wanted) ? ", " + list(Relation.values(), Relation::words) : "");
        }
        return comma || and;
    }

    private Optional<Relation> relation() {
        for (Relation relation : Relation.values()) {
            List<String> parts = List.of(relation.words().split(" "));
            int end = at + parts.size();
            if (end <= words.size()
                    && String.join(" ", words.subList(at, end))
                            .toLowerCase(Locale.ROOT)
                            .equals(relation.words())) {
                at = end;
                return Optional.of(relation);
            }
        }
        return Optional.empty();
    }

    /** Whether a relation may follow. */
    private static boolean single(List<Wanted> wanted) {
        return wanted.size() == 1 && wanted.get(0).count() == 1;
    }

    private boolean atEnd() {
        expected = "nothing more after a relation";
        return at == words.size();
    }

    private boolean take(String word) {
        boolean taken = word().equals(word);
        if (taken) {
            at++;
        }
        return taken;
    }

    /** The word to read next, in lower case; empty at the end. */
    private String word() {
        return at < words.size() ? words.get(at).toLowerCase(Locale.ROOT) : "";
    }

    private static <T> String list(T[] values, Function<T, String> name) {
        return Arrays.stream(values).map(name).collect(Collectors.joining(", "));
    }
}
