package dev.prenoise.text;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** Whether two English nouns may be one word's singular and plural. Generous: it chooses among the words of one prompt. */
final class Plurals {
    private static final Map<String, String> IRREGULAR = Map.ofEntries(
            Map.entry("men", "man"),
            Map.entry("women", "woman"),
            Map.entry("children", "child"),
            Map.entry("people", "person"),
            Map.entry("mice", "mouse"),
            Map.entry("geese", "goose"),
            Map.entry("feet", "foot"),
            Map.entry("teeth", "tooth"),
            Map.entry("oxen", "ox"),
            Map.entry("cacti", "cactus"));

    private Plurals() {}

    static boolean same(String one, String other) {
        Set<String> forms = singulars(one);
        forms.retainAll(singulars(other));
        return !forms.isEmpty();
    }

    private static Set<String> singulars(String word) {
        Set<String> forms = new HashSet<>();
        forms.add(IRREGULAR.getOrDefault(word, word));
        if (word.endsWith("s") && !word.endsWith("ss") && word.length() > 2) {
            forms.add(word.substring(0, word.length() - 1));
            addEnding(forms, word, "es", "");
            addEnding(forms, word, "ies", "y");
            addEnding(forms, word, "ves", "f");
            addEnding(forms, word, "ves", "fe");
        }
        return forms;
    }

    private static void addEnding(Set<String> forms, String word, String plural, String singular) {
        if (word.endsWith(plural)) {
            forms.add(word.substring(0, word.length() - plural.length()) + singular);
        }
    }
}
