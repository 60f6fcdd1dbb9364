package dev.prenoise.text;

import dev.prenoise.text.WeightedText.Part;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads AUTOMATIC1111's prompt language, to the letter of {@code parse_prompt_attention} in its {@code modules/prompt_parser.py}: nested
 * brackets multiply, brackets that are never closed count to the end, and neighbours of one weight are tokenized together.
 */
final class A1111Prompt {
    private static final Pattern ELEMENT =
            Pattern.compile("\\\\[()\\[\\]\\\\]|\\\\|[(\\[]|:\\s*([+-]?[.0-9]+)\\s*\\)|[)\\]]|[^\\\\()\\[\\]:]+|:");
    private static final Pattern BREAK = Pattern.compile("(?U)\\s*\\bBREAK\\b\\s*");
    private static final Pattern AND = Pattern.compile("(?U)\\bAND\\b");
    private static final Pattern WEIGHT_OF_ALL = Pattern.compile("\\s*:\\s*([-+]?(?:[0-9]+\\.?|[0-9]*\\.[0-9]+))\\s*$");
    private static final double ROUND = 1.1;
    private static final double SQUARE = 1 / 1.1;

    private static final class Stretch {
        String text;
        double weight;

        Stretch(String text, double weight) {
            this.text = text;
            this.weight = weight;
        }

        // A BREAK that stands in weighted brackets has another weight by then, and A1111 reads it as a word. So does
        // this.
        Part part() {
            boolean isBreak = text.equals("BREAK") && weight == -1;
            return new Part(isBreak ? "" : text, isBreak ? 1 : weight, isBreak);
        }
    }

    private final List<Stretch> stretches = new ArrayList<>();
    private final Deque<Integer> round = new ArrayDeque<>();
    private final Deque<Integer> square = new ArrayDeque<>();

    private A1111Prompt() {}

    /**
     * @param steps of the sampler: which of {@code [from:to:0.01]} the first one reads depends on it
     * @param negative composition by AND is for prompts alone
     * @throws PromptException when the prompt names a LoRA or is composed of several, or a weight is no number
     */
    static WeightedText read(String prompt, int steps, boolean negative) {
        ExtraNetworks.refuseLora(prompt);
        List<String> warnings = new ArrayList<>();
        String text = ExtraNetworks.remove(prompt, warnings);
        if (!negative) {
            text = alone(text, warnings);
        }
        String first = A1111Schedule.firstStep(text, steps);
        if (!first.equals(text)) {
            warnings.add("the prompt changes while it is drawn: noise is searched for what the first step reads, \""
                    + first + "\", and pictures drawn here keep to it");
        }
        A1111Prompt reader = new A1111Prompt();
        reader.parse(first);
        return new WeightedText(reader.merged().stream().map(Stretch::part).toList(), warnings);
    }

    private static String alone(String text, List<String> warnings) {
        if (AND.matcher(text).find()) {
            throw new PromptException(
                    "\"AND\" (expected: one prompt; those composed with AND cannot be searched, \"and\" is a word)");
        }
        Matcher weight = WEIGHT_OF_ALL.matcher(text);
        if (weight.find()) {
            warnings.add(
                    "\"" + weight.group().strip()
                            + "\" at the prompt's end scales the guidance in A1111; the search does not depend on it, pictures drawn here leave it out");
            return text.substring(0, weight.start());
        }
        return text.stripTrailing();
    }

    private void parse(String text) {
        Matcher element = ELEMENT.matcher(text);
        while (element.find()) {
            String found = element.group();
            String number = element.group(1);
            if (found.startsWith("\\")) {
                stretches.add(new Stretch(found.substring(1), 1));
            } else if (found.equals("(")) {
                round.push(stretches.size());
            } else if (found.equals("[")) {
                square.push(stretches.size());
            } else if (number != null && !round.isEmpty()) {
                multiply(round.pop(), number(number));
            } else if (found.equals(")") && !round.isEmpty()) {
                multiply(round.pop(), ROUND);
            } else if (found.equals("]") && !square.isEmpty()) {
                multiply(square.pop(), SQUARE);
            } else {
                addText(found);
            }
        }
        round.forEach(from -> multiply(from, ROUND));
        square.forEach(from -> multiply(from, SQUARE));
    }

    private void addText(String text) {
        Matcher found = BREAK.matcher(text);
        int from = 0;
        while (found.find()) {
            stretches.add(new Stretch(text.substring(from, found.start()), 1));
            stretches.add(new Stretch("BREAK", -1));
            from = found.end();
        }
        stretches.add(new Stretch(text.substring(from), 1));
    }

    private void multiply(int from, double factor) {
        for (Stretch stretch : stretches.subList(from, stretches.size())) {
            stretch.weight *= factor;
        }
    }

    private static double number(String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new PromptException("\":" + text + ")\" (expected: a number as weight)");
        }
    }

    private List<Stretch> merged() {
        List<Stretch> merged = new ArrayList<>();
        for (Stretch stretch : stretches) {
            Stretch last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
            if (last != null && last.weight == stretch.weight) {
                last.text += stretch.text;
            } else {
                merged.add(stretch);
            }
        }
        return merged;
    }
}
