package dev.prenoise.study;

import dev.prenoise.engine.SubjectSpec;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A user's own prompts. By the file's ending: {@code .txt}, a prompt a line, as T2I-CompBench has them; {@code .csv} and {@code .tsv} with a
 * header that names a column {@code prompt}, {@code prompts} or {@code caption}, and maybe {@code category}, as DrawBench has them;
 * {@code .yaml}, a list of prompts, each a text or a mapping with its subjects.
 */
final class SuiteFile {
    private static final long MAX_BYTES = 16 << 20;
    private static final List<String> PROMPT_COLUMNS = List.of("prompt", "prompts", "caption");
    private static final String CATEGORY = "category";

    private SuiteFile() {}

    /**
     * @param category of tables: those of this category alone; "" = all
     * @throws IllegalArgumentException when it cannot be read; names the file and the line
     */
    static List<StudyPrompt> read(Path file, String category) {
        String name =
                file.getFileName() == null ? "" : file.getFileName().toString().toLowerCase(Locale.ROOT);
        String text = text(file);
        boolean table = name.endsWith(".csv") || name.endsWith(".tsv");
        if (!category.isEmpty() && !table) {
            throw new IllegalArgumentException(file + ": category: of a file without columns (expected: .csv or .tsv)");
        }
        List<StudyPrompt> prompts;
        if (name.endsWith(".yaml") || name.endsWith(".yml")) {
            prompts = YamlValue.read(file.toString(), text).list(SuiteFile::prompt);
        } else if (table) {
            prompts = table(file, text, name.endsWith(".tsv") ? '\t' : ',', category);
        } else if (name.endsWith(".txt")) {
            prompts = text.lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .map(line -> new StudyPrompt(line, List.of()))
                    .toList();
        } else {
            throw new IllegalArgumentException(file + ": (expected: a file that ends in .txt, .csv, .tsv or .yaml)");
        }
        if (prompts.isEmpty()) {
            throw new IllegalArgumentException(file + ": no prompts"
                    + (category.isEmpty() ? "" : " of the category \"" + category + "\"")
                    + " (expected: at least one)");
        }
        requireDistinct(file, prompts);
        return prompts;
    }

    private static String text(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new IllegalArgumentException(
                        file + ": " + Files.size(file) + " bytes (expected: at most " + MAX_BYTES + ")");
            }
            String text = Files.readString(file);
            return text.startsWith("\ufeff") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(file + ": (expected: text in UTF-8)", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(file + ": (expected: a readable file)", e);
        }
    }

    /** Two of the same would count twice in every mean. */
    private static void requireDistinct(Path file, List<StudyPrompt> prompts) {
        Set<String> seen = new HashSet<>();
        for (StudyPrompt prompt : prompts) {
            if (!seen.add(prompt.text())) {
                throw new IllegalArgumentException(
                        file + ": \"" + prompt.text() + "\" stands twice (expected: each prompt once)");
            }
        }
    }

    // ---- YAML ----

    private static StudyPrompt prompt(YamlValue value) {
        if (value.isText()) {
            return new StudyPrompt(value.text().strip(), List.of());
        }
        Map<String, YamlValue> fields = value.fields(Set.of("prompt", "subjects"));
        YamlValue subjects = fields.get("subjects");
        return new StudyPrompt(
                value.required(fields, "prompt").text().strip(),
                subjects == null ? List.of() : subjects.list(SuiteFile::subject));
    }

    private static SubjectSpec subject(YamlValue value) {
        if (value.isText()) {
            return new SubjectSpec(value.text(), List.of(), List.of());
        }
        Map<String, YamlValue> fields = value.fields(Set.of("text", "attributes", "tokens"));
        YamlValue attributes = fields.get("attributes");
        YamlValue tokens = fields.get("tokens");
        return new SubjectSpec(
                value.required(fields, "text").text(),
                attributes == null ? List.of() : attributes.list(YamlValue::text),
                tokens == null ? List.of() : tokens.list(token -> token.integer(1, 10_000)));
    }

    // ---- tables ----

    private static List<StudyPrompt> table(Path file, String text, char separator, String category) {
        List<List<String>> rows = cells(file, text, separator);
        if (rows.isEmpty()) {
            throw new IllegalArgumentException(file + ": empty (expected: a header and prompts)");
        }
        List<String> header = rows.get(0).stream()
                .map(cell -> cell.strip().toLowerCase(Locale.ROOT))
                .toList();
        int prompt = PROMPT_COLUMNS.stream()
                .mapToInt(header::indexOf)
                .filter(i -> i >= 0)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        file + ":1: columns " + header + " (expected: one called prompt, prompts or caption)"));
        int kind = header.indexOf(CATEGORY);
        if (!category.isEmpty() && kind < 0) {
            throw new IllegalArgumentException(file + ":1: columns " + header + " (expected: one called category)");
        }
        List<StudyPrompt> prompts = new ArrayList<>();
        for (List<String> row : rows.subList(1, rows.size())) {
            if (row.size() != header.size()) {
                throw new IllegalArgumentException(
                        file + ": " + row + ": " + row.size() + " cells (expected: " + header.size() + ")");
            }
            boolean wanted = category.isEmpty() || row.get(kind).strip().equalsIgnoreCase(category);
            if (wanted && !row.get(prompt).isBlank()) {
                prompts.add(new StudyPrompt(row.get(prompt).strip(), List.of()));
            }
        }
        return prompts;
    }

    /** RFC 4180: cells in quotes may hold separators, line ends and doubled quotes. Empty lines are left out. */
    private static List<List<String>> cells(Path file, String text, char separator) {
        List<List<String>> rows = new ArrayList<>();
        List<String> row = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean quoted = false;
        String whole = text.endsWith("\n") ? text : text + "\n";
        for (int i = 0; i < whole.length(); i++) {
            char c = whole.charAt(i);
            if (quoted && c == '"' && i + 1 < whole.length() && whole.charAt(i + 1) == '"') {
                cell.append(c);
                i++;
            } else if (c == '"' && (quoted || cell.length() == 0)) {
                quoted = !quoted;
            } else if (quoted || (c != separator && c != '\n' && c != '\r')) {
                cell.append(c);
            } else if (c != '\r') {
                row.add(cell.toString());
                cell.setLength(0);
                if (c == '\n') {
                    if (row.size() > 1 || !row.get(0).isBlank()) {
                        rows.add(List.copyOf(row));
                    }
                    row.clear();
                }
            }
        }
        if (quoted) {
            throw new IllegalArgumentException(file + ": a quote that does not end (expected: quotes in pairs)");
        }
        return rows;
    }
}
