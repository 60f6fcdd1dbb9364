package dev.prenoise.study;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * A table before it is written in anyone's language. The first column holds names, the others numbers.
 *
 * @param note stands below; "" = none
 */
record Table(String title, List<String> head, List<List<String>> rows, String note) {
    String markdown() {
        StringBuilder out = new StringBuilder("### " + title + "\n\n");
        out.append(line(head, "| ", " | ", " |\n", cell -> cell.replace("|", "\\|")));
        out.append("|---|").append("---:|".repeat(head.size() - 1)).append('\n');
        rows.forEach(row -> out.append(line(row, "| ", " | ", " |\n", cell -> cell.replace("|", "\\|"))));
        return out.append(note.isEmpty() ? "" : "\n" + note + "\n").append('\n').toString();
    }

    /** Needs no package. */
    String latex() {
        StringBuilder out = new StringBuilder("\\begin{table}\n\\caption{" + tex(title) + "}\n\\begin{tabular}{l"
                + "r".repeat(head.size() - 1) + "}\n\\hline\n");
        out.append(line(head, "", " & ", " \\\\\n\\hline\n", Table::tex));
        rows.forEach(row -> out.append(line(row, "", " & ", " \\\\\n", Table::tex)));
        out.append("\\hline\n\\end{tabular}\n");
        return out.append(note.isEmpty() ? "" : tex(note) + "\n")
                .append("\\end{table}\n\n")
                .toString();
    }

    String html() {
        StringBuilder out = new StringBuilder("<h3>" + escaped(title) + "</h3>\n<div class=\"wide\"><table>\n<thead>");
        out.append(line(head, "<tr><th>", "</th><th>", "</th></tr></thead>\n<tbody>\n", Table::escaped));
        rows.forEach(row -> out.append(line(row, "<tr><td>", "</td><td>", "</td></tr>\n", Table::escaped)));
        return out.append("</tbody></table></div>\n")
                .append(note.isEmpty() ? "" : "<p class=\"note\">" + escaped(note) + "</p>\n")
                .toString();
    }

    private static String line(
            List<String> cells, String begin, String between, String end, UnaryOperator<String> escape) {
        return cells.stream().map(escape).collect(Collectors.joining(between, begin, end));
    }

    static String tex(String text) {
        StringBuilder out = new StringBuilder();
        for (char c : text.toCharArray()) {
            out.append(
                    switch (c) {
                        case '&', '%', '$', '#', '_', '{', '}' -> "\\" + c;
                        case '\\' -> "\\textbackslash{}";
                        case '^' -> "\\textasciicircum{}";
                        case '~' -> "\\textasciitilde{}";
                        case '<', '>', '|' -> "$" + c + "$";
                        case '±' -> "$\\pm$";
                        case '–' -> "--";
                        default -> String.valueOf(c);
                    });
        }
        return out.toString();
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
