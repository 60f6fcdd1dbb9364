package dev.prenoise.text;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the first sampling step reads of a prompt that changes: of {@code [from:to:when]} {@code from}, of {@code [one|other]} {@code one}
 * ({@code get_learned_conditioning_prompt_schedules} in A1111's {@code modules/prompt_parser.py}, whose grammar this follows).
 */
final class A1111Schedule {
    private static final int MAX_DEPTH = 200;
    private static final Pattern NUMBER =
            Pattern.compile("\\s*([-+]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\\s*");

    private final String text;
    private final int steps;
    private int at;

    private A1111Schedule(String text, int steps) {
        this.text = text;
        this.steps = steps;
    }

    /** Brackets that only weigh stay as they are. A text that A1111's grammar does not accept is taken as it stands. */
    static String firstStep(String text, int steps) {
        A1111Schedule schedule = new A1111Schedule(text, steps);
        StringBuilder read = new StringBuilder();
        while (schedule.at < text.length()) {
            String next = schedule.prompt(0);
            if (next != null) {
                read.append(next);
            }
            if (schedule.at == text.length()) {
                return read.toString();
            }
            char stray = text.charAt(schedule.at);
            if (stray == '|' || stray == '\\') {
                return text;
            }
            read.append(stray);
            schedule.at++;
        }
        return read.toString();
    }

    /** As much as can be read from here; at the top everything up to a stray bracket, below it null where one stands in the way. */
    private @Nullable String prompt(int depth) {
        StringBuilder read = new StringBuilder();
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '(' || c == '[') {
                int start = at;
                String inner = depth > MAX_DEPTH ? null : c == '(' ? round(depth + 1) : square(depth + 1);
                if (inner == null) {
                    at = start;
                    return depth == 0 ? read.toString() : null;
                }
                read.append(inner);
            } else if (c == ')' || c == ']' || c == ':' || c == '|') {
                break;
            } else if (c == '\\') {
                if (at + 1 == text.length() || text.charAt(at + 1) == '\n') {
                    break;
                }
                read.append(text, at, at + 2);
                at += 2;
            } else {
                read.append(c);
                at++;
            }
        }
        return read.toString();
    }

    private @Nullable String round(int depth) {
        at++;
        String inner = prompt(depth);
        if (inner != null && sees(':')) {
            at++;
            String weight = prompt(depth);
            inner = weight == null ? null : inner + ":" + weight;
        }
        if (inner == null || !sees(')')) {
            return null;
        }
        at++;
        return "(" + inner + ")";
    }

    private @Nullable String square(int depth) {
        at++;
        List<String> parts = new ArrayList<>();
        char divider = 0;
        int lastStart;
        while (true) {
            lastStart = at;
            String part = prompt(depth);
            if (part == null || at == text.length()) {
                return null;
            }
            parts.add(part);
            char c = text.charAt(at);
            at++;
            if (c == ']') {
                break;
            }
            if ((c != ':' && c != '|') || (divider != 0 && c != divider)) {
                return null;
            }
            divider = c;
        }
        if (divider == 0) {
            return "[" + parts.get(0) + "]";
        }
        return divider == '|' ? parts.get(0) : scheduled(parts, text.substring(lastStart, at - 1));
    }

    private @Nullable String scheduled(List<String> parts, String number) {
        Matcher matcher = NUMBER.matcher(number);
        if (parts.size() > 3 || !matcher.matches()) {
            return null;
        }
        double when = Double.parseDouble(matcher.group(1)) * (matcher.group(1).contains(".") ? steps : 1);
        String before = parts.size() == 3 ? parts.get(0) : "";
        return when >= 1 ? before : parts.get(parts.size() - 2);
    }

    private boolean sees(char c) {
        return at < text.length() && text.charAt(at) == c;
    }
}
