package dev.prenoise.study;

import dev.prenoise.image.PictureFile;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The plain seed's picture beside every strategy's choice at the largest budget, for the first prompts of each suite and the first seed. */
final class ContactSheet {
    /** Of the PNG, in units: a picture's side, what lies between two, the prompts' column, the head, a line of text. */
    private static final int SIDE = 96;

    private static final int GAP = 6;
    private static final int PROMPT = 150;
    private static final int HEAD = 44;
    private static final int LINE = 12;
    private static final int LINES = 7;
    private static final int MOST_PIXELS = 1 << 28;

    private final StudyPlan plan;
    private final ResultStore store;
    private final BackboneSetting backbone;

    ContactSheet(StudyPlan plan, ResultStore store, BackboneSetting backbone) {
        this.plan = plan;
        this.store = store;
        this.backbone = backbone;
    }

    /** "" where no picture was kept. */
    String html() {
        if (plan.shown() == 0) {
            return "";
        }
        StringBuilder out = new StringBuilder("<h3>Choices at N = " + plan.candidates() + " from "
                + (plan.seeds().perPrompt()
                        ? "each prompt's first seed"
                        : "seed " + Long.toUnsignedString(plan.seeds().values().get(0)))
                + "</h3>\n<div class=\"wide\"><table class=\"sheet\">\n<thead><tr><th></th><th>plain seed</th>");
        strategies().forEach(strategy -> out.append("<th>")
                .append(Table.escaped(strategy.name()))
                .append("</th>"));
        out.append("</tr></thead>\n<tbody>\n");
        for (StudySuite suite : plan.suites()) {
            for (int i = 0; i < Math.min(plan.shown(), suite.prompts().size()); i++) {
                StudyPrompt prompt = suite.prompts().get(i);
                out.append("<tr><td>").append(Table.escaped(prompt.text())).append("</td>");
                pictures(prompt, i).forEach((name, png) -> out.append("<td><img alt=\"")
                        .append(Table.escaped(prompt.text() + ", " + name))
                        .append("\" src=\"data:image/png;base64,")
                        .append(png)
                        .append("\"></td>"));
                out.append("</tr>\n");
            }
        }
        return out.append("</tbody></table></div>\n").toString();
    }

    /** One suite's part as PNG. */
    byte[] png(StudySuite suite) {
        List<String> names = new ArrayList<>(List.of("plain seed"));
        strategies().forEach(strategy -> names.add(strategy.name()));
        int prompts = Math.min(plan.shown(), suite.prompts().size());
        int width = PROMPT + names.size() * (SIDE + GAP) + GAP;
        try (PixelPen pen = new PixelPen(width, HEAD + prompts * (SIDE + GAP))) {
            for (int i = 0; i < names.size(); i++) {
                write(pen, names.get(i), place(i), 14, SIDE);
            }
            for (int row = 0; row < prompts; row++) {
                StudyPrompt prompt = suite.prompts().get(row);
                int y = HEAD + row * (SIDE + GAP);
                write(pen, prompt.text(), GAP, y + 14, PROMPT - 2 * GAP);
                Map<String, String> pictures = pictures(prompt, row);
                for (int i = 0; i < names.size(); i++) {
                    byte[] png = Base64.getDecoder().decode(pictures.getOrDefault(names.get(i), ""));
                    if (png.length > 0) {
                        pen.picture(PictureFile.decode(png, MOST_PIXELS), place(i), y, SIDE);
                    }
                }
            }
            return pen.png();
        }
    }

    private static int place(int column) {
        return PROMPT + column * (SIDE + GAP);
    }

    private static void write(PixelPen pen, String text, int x, int y, int width) {
        List<String> lines = pen.wrapped(text, width);
        for (int i = 0; i < Math.min(lines.size(), LINES); i++) {
            pen.text(x, y + LINE * i, Pen.Anchor.START, "#000000", false, lines.get(i));
        }
    }

    /** All but those that several verifiers vote on: whom they choose is told only when all the votes are there. */
    private List<Strategy> strategies() {
        return plan.strategies().stream()
                .filter(strategy -> strategy.kind() != Strategy.Kind.FOLLOW
                        || strategy.verifiers().size() == 1)
                .toList();
    }

    private Map<String, String> pictures(StudyPrompt prompt, int index) {
        List<Long> range = plan.seedRanges(prompt).get(0);
        Map<String, String> shared = store.require(plan.unit(backbone, prompt, index, Strategy.PICTURES, range))
                .pictures();
        Map<String, String> pictures = new LinkedHashMap<>();
        pictures.put("plain seed", shared.getOrDefault("", ""));
        for (Strategy strategy : strategies()) {
            pictures.put(
                    strategy.name(),
                    strategy.kind() == Strategy.Kind.FOLLOW
                            ? shared.getOrDefault(strategy.verifiers().get(0), "")
                            : store.require(plan.unit(backbone, prompt, index, strategy, range))
                                    .pictures()
                                    .getOrDefault("", ""));
        }
        return pictures;
    }
}
