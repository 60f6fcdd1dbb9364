package dev.prenoise.study;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/**
 * What a study of verifiers has found so far: a file of tab-separated lines, whole prompts only. Behind the lines of a prompt stands one
 * that says how long it took; whatever comes behind the last of these is cut off when the file is opened again.
 */
final class StudyRows {
    private static final String DONE = "# done in seconds\t";

    private final Path file;
    private final List<List<Row>> prompts = new ArrayList<>();
    private double seconds;

    /**
     * @param judgedBy the verifier that the search followed
     * @param search the algorithm's name
     * @param nfe spent at most
     * @param values of the picture that was best by then, as the header names them
     */
    record Row(String prompt, String judgedBy, String search, int nfe, double[] values) {
        boolean isOf(String verifier, String algorithm) {
            return judgedBy.equals(verifier) && search.equals(algorithm);
        }

        private String line() {
            return prompt
                    + '\t'
                    + judgedBy
                    + '\t'
                    + search
                    + '\t'
                    + nfe
                    + '\t'
                    + DoubleStream.of(values).mapToObj(String::valueOf).collect(Collectors.joining("\t"))
                    + '\n';
        }

        private static Row read(String line) {
            String[] parts = line.split("\t");
            double[] values = new double[parts.length - 4];
            for (int i = 0; i < values.length; i++) {
                values[i] = Double.parseDouble(parts[i + 4]);
            }
            return new Row(parts[0], parts[1], parts[2], Integer.parseInt(parts[3]), values);
        }
    }

    private StudyRows(Path file) {
        this.file = file;
    }

    /**
     * @param title what the study is, written as the first line; another one there already is refused
     * @param values their names
     * @throws IllegalArgumentException when another study is there
     */
    static StudyRows open(Path file, String title, List<String> values) throws IOException {
        List<String> head = List.of("# " + title, "prompt\tjudged by\tsearch\tnfe\t" + String.join("\t", values));
        List<String> lines = Files.exists(file) ? Files.readAllLines(file) : head;
        if (lines.isEmpty() || !lines.get(0).equals(head.get(0))) {
            throw new IllegalArgumentException("output: " + file + " holds another study"
                    + (lines.isEmpty() ? "" : ", " + lines.get(0)) + " (expected: " + head.get(0) + ")");
        }
        StudyRows rows = new StudyRows(file);
        StringBuilder kept = new StringBuilder(String.join("\n", head)).append('\n');
        StringBuilder open = new StringBuilder();
        List<Row> prompt = new ArrayList<>();
        for (String line : lines.subList(Math.min(head.size(), lines.size()), lines.size())) {
            open.append(line).append('\n');
            if (line.startsWith(DONE)) {
                rows.prompts.add(List.copyOf(prompt));
                rows.seconds += Double.parseDouble(line.substring(DONE.length()));
                kept.append(open);
                open.setLength(0);
                prompt.clear();
            } else if (line.split("\t").length == values.size() + 4) {
                prompt.add(Row.read(line));
            }
        }
        Files.writeString(file, kept);
        return rows;
    }

    void append(List<Row> prompt, double took) throws IOException {
        String lines = prompt.stream().map(Row::line).collect(Collectors.joining()) + DONE + took + '\n';
        Files.write(file, lines.getBytes(StandardCharsets.UTF_8), StandardOpenOption.APPEND);
        prompts.add(List.copyOf(prompt));
        seconds += took;
    }

    /** One list of rows for each finished prompt. */
    List<List<Row>> prompts() {
        return List.copyOf(prompts);
    }

    /** Of all that is finished. */
    double seconds() {
        return seconds;
    }
}
