package dev.prenoise.verifier;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a grader says of one picture.
 *
 * @param overall 0 to 10; the picture's score
 * @param aspects those of {@link LlmWording#ASPECTS} that it graded, in that order
 */
record LlmGrade(double overall, Map<String, Aspect> aspects) {
    private static final double HIGHEST = 10;
    private static final int LONGEST_REASON = 300;
    private static final String OVERALL = "overall";

    /** Beyond so many braces an answer is no answer. */
    private static final int MOST_OPENINGS = 100;

    /** "7", "7.5", "7.5/10", "7 out of 10". */
    private static final Pattern WRITTEN =
            Pattern.compile("\\s*(\\d{1,4}(?:\\.\\d{1,9})?)\\s*(?:(?:/|out of)\\s*10\\s*)?");

    /** How models call the aspects when they do not keep to the names asked for. */
    private static final Map<String, List<String>> STEMS = Map.of(
            "accuracy",
            List.of("accura"),
            "creativity",
            List.of("creativ", "original"),
            "quality",
            List.of("quality", "realism"),
            "consistency",
            List.of("consisten", "cohes"),
            "resonance",
            List.of("resonan", "emotion", "themat"),
            OVERALL,
            List.of(OVERALL));

    /**
     * @param score 0 to 10
     * @param reason "" where none was given
     */
    record Aspect(double score, String reason) {}

    LlmGrade {
        aspects = Collections.unmodifiableMap(new LinkedHashMap<>(aspects));
    }

    /**
     * Reads an answer as models give them: with a fence around it, thoughts before it, grades as text. The last object that holds an overall
     * grade counts, or failing that all five aspects, whose mean is then the overall grade: the grades published with Ma et al. lie within 0.3
     * of that mean. A grade outside 0 to 10 is none: it may be meant on another scale.
     *
     * @return null where there is nothing of the kind
     */
    static @Nullable LlmGrade read(String answer) {
        List<String> objects = objects(answer);
        for (int i = objects.size() - 1; i >= 0; i--) {
            LlmGrade grade = ofObject(objects.get(i));
            if (grade != null) {
                return grade;
            }
        }
        return null;
    }

    private static @Nullable LlmGrade ofObject(String text) {
        JsonObject object;
        try {
            JsonElement parsed = JsonParser.parseString(text);
            if (!parsed.isJsonObject()) {
                return null;
            }
            object = parsed.getAsJsonObject();
        } catch (JsonParseException e) {
            return null;
        }
        Map<String, Aspect> aspects = new LinkedHashMap<>();
        for (String name : LlmWording.ASPECTS) {
            Aspect aspect = find(object, name);
            if (aspect != null) {
                aspects.put(name, aspect);
            }
        }
        Aspect overall = find(object, OVERALL);
        if (overall != null) {
            return new LlmGrade(overall.score(), aspects);
        }
        if (aspects.size() < LlmWording.ASPECTS.size()) {
            return null;
        }
        double mean =
                aspects.values().stream().mapToDouble(Aspect::score).average().orElseThrow();
        return new LlmGrade(mean, aspects);
    }

    /** Among the object's own members, then among those of its members: some models put all grades under a name of their own. */
    private static @Nullable Aspect find(JsonObject object, String name) {
        List<String> stems = STEMS.getOrDefault(name, List.of(name));
        for (Map.Entry<String, JsonElement> member : object.entrySet()) {
            String key = member.getKey().toLowerCase(Locale.ROOT);
            if (stems.stream().anyMatch(key::contains)) {
                Aspect aspect = aspect(member.getValue());
                if (aspect != null) {
                    return aspect;
                }
            }
        }
        for (JsonElement member : object.asMap().values()) {
            Aspect aspect = member.isJsonObject() ? find(member.getAsJsonObject(), name) : null;
            if (aspect != null) {
                return aspect;
            }
        }
        return null;
    }

    private static @Nullable Aspect aspect(JsonElement value) {
        if (!value.isJsonObject()) {
            Double score = number(value);
            return score == null ? null : new Aspect(score, "");
        }
        JsonObject object = value.getAsJsonObject();
        for (String name : List.of("score", "grade", "rating", "value")) {
            JsonElement element = object.get(name);
            Double score = element == null ? null : number(element);
            if (score != null) {
                return new Aspect(score, reason(object));
            }
        }
        return null;
    }

    private static String reason(JsonObject object) {
        for (String name : List.of("reason", "explanation", "comment")) {
            JsonElement element = object.get(name);
            if (element != null && element.isJsonPrimitive()) {
                String reason = element.getAsString();
                return reason.length() <= LONGEST_REASON ? reason : reason.substring(0, LONGEST_REASON);
            }
        }
        return "";
    }

    private static @Nullable Double number(JsonElement element) {
        if (!element.isJsonPrimitive() || element.getAsJsonPrimitive().isBoolean()) {
            return null;
        }
        Matcher written = WRITTEN.matcher(element.getAsString());
        if (!written.matches()) {
            return null;
        }
        double number = Double.parseDouble(written.group(1));
        return number <= HIGHEST ? number : null;
    }

    /** The outermost {@code {...}} of a text, in order; braces within quotes do not count. One that is never closed is passed over. */
    private static List<String> objects(String text) {
        List<String> objects = new ArrayList<>();
        int from = text.indexOf('{');
        for (int tries = 0; from >= 0 && tries < MOST_OPENINGS; tries++) {
            int end = end(text, from);
            if (end > 0) {
                objects.add(text.substring(from, end));
            }
            from = text.indexOf('{', end > 0 ? end : from + 1);
        }
        return objects;
    }

    /** Behind the brace that closes the one at {@code from}; 0 where none does. */
    private static int end(String text, int from) {
        int depth = 0;
        boolean quoted = false;
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quoted && c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (!quoted && c == '{') {
                depth++;
            } else if (!quoted && c == '}' && --depth == 0) {
                return i + 1;
            }
        }
        return 0;
    }

    JsonObject toJson() {
        JsonObject graded = new JsonObject();
        aspects.forEach((name, aspect) -> graded.add(name, json(aspect)));
        graded.addProperty(OVERALL, overall);
        return graded;
    }

    private static JsonObject json(Aspect aspect) {
        JsonObject object = new JsonObject();
        object.addProperty("reason", aspect.reason());
        object.addProperty("score", aspect.score());
        return object;
    }
}
