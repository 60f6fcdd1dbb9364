package dev.prenoise.study;

import dev.prenoise.image.Picture;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a study has computed so far: a line of scores and a picture for each candidate, whole prompts only. A prompt counts once its scores
 * are written, which happens after its pictures; whatever lies beyond is cut off when the folder is opened again.
 */
final class StudyFolder implements AutoCloseable {
    private static final int PICTURE = 64 * 64 * 3;

    private final Path scoresFile;
    private final RandomAccessFile pictures;
    private final int candidates;
    private final List<List<Double>> scores;

    private StudyFolder(Path scoresFile, RandomAccessFile pictures, int candidates, List<List<Double>> scores) {
        this.scoresFile = scoresFile;
        this.pictures = pictures;
        this.candidates = candidates;
        this.scores = scores;
    }

    /**
     * @param title what the study is, written as the first line; another one there already is refused
     */
    static StudyFolder open(Path folder, String title, int candidates) throws IOException {
        Files.createDirectories(folder);
        Path scoresFile = folder.resolve("scores.csv");
        List<String> lines =
                Files.exists(scoresFile) ? Files.readAllLines(scoresFile) : new ArrayList<>(List.of("# " + title));
        if (!lines.get(0).equals("# " + title)) {
            throw new IllegalArgumentException("output: " + folder + " holds another study, "
                    + lines.get(0).substring(2) + " (expected: " + title + ")");
        }
        int whole = (lines.size() - 1) / candidates * candidates;
        List<List<Double>> scores = new ArrayList<>();
        for (String line : lines.subList(1, 1 + whole)) {
            scores.add(Arrays.stream(line.split(",")).map(Double::valueOf).toList());
        }
        Files.writeString(scoresFile, String.join("\n", lines.subList(0, 1 + whole)) + "\n");
        RandomAccessFile pictures =
                new RandomAccessFile(folder.resolve("pictures.rgb").toFile(), "rw");
        pictures.setLength((long) whole * PICTURE);
        return new StudyFolder(scoresFile, pictures, candidates, scores);
    }

    /** How many are finished. */
    int prompts() {
        return scores.size() / candidates;
    }

    void append(List<List<Double>> promptScores, List<Picture> promptPictures) throws IOException {
        pictures.seek((long) scores.size() * PICTURE);
        for (Picture picture : promptPictures) {
            pictures.write(picture.rgb());
        }
        String lines = promptScores.stream()
                .map(row -> row.stream().map(String::valueOf).collect(Collectors.joining(",")) + "\n")
                .collect(Collectors.joining());
        Files.write(scoresFile, lines.getBytes(StandardCharsets.UTF_8), StandardOpenOption.APPEND);
        scores.addAll(promptScores);
    }

    List<Double> scores(int prompt, int candidate) {
        return scores.get(prompt * candidates + candidate);
    }

    byte[] picture(int prompt, int candidate) throws IOException {
        byte[] rgb = new byte[PICTURE];
        pictures.seek(((long) prompt * candidates + candidate) * PICTURE);
        pictures.readFully(rgb);
        return rgb;
    }

    @Override
    public void close() throws IOException {
        pictures.close();
    }
}
