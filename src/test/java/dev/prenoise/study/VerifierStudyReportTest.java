package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerifierStudyReportTest {
    private static final List<String> VALUES =
            List.of("oracle", "complete", "shapes-clip", VerifierStudy.NOT_WORSE, VerifierStudy.NOT_WORSE_ORACLE);

    /** The oracle's score at 10 and 20 NFE of a search that follows shapes-clip, whose own rises from 0.1 to 0.3. */
    private static VerifierStudyReport report(double first, double last) {
        List<List<StudyRows.Row>> prompts = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            double other = 0.001 * i;
            prompts.add(List.of(
                    row("plain seed", "plain seed", 10, first + other, 0.1),
                    row("shapes-clip", "ZO-2", 10, first + other, 0.1),
                    row("shapes-clip", "ZO-2", 20, last + other, 0.3)));
        }
        return new VerifierStudyReport(prompts, VALUES, List.of("shapes-clip"), List.of(10, 20), 5, 1);
    }

    private static StudyRows.Row row(String judge, String search, int nfe, double oracle, double clip) {
        return new StudyRows.Row(
                "a red circle", judge, search, nfe, new double[] {oracle, oracle > 0.6 ? 1 : 0, clip, 1, 0});
    }

    @Test
    void tables_whereTheOracleFallsWhileTheVerifierRises_sayWhere() {
        assertThat(report(0.8, 0.5).tables(10))
                .contains("| shapes-clip | ZO-2 | 0.0 [0.0, 0.0] | -100.0 [-100.0, -100.0] |")
                .contains(
                        "| shapes-clip | ZO-2 | 10 to 20 | +0.2000 [+0.2000, +0.2000] | -0.3000 [-0.3000, -0.3000] | yes |");
    }

    @Test
    void tables_whereBothRise_sayThatNoneWasHacked() {
        assertThat(report(0.5, 0.8).tables(10))
                .contains("No verifier's own score rises while the oracle's falls.")
                .contains("| shapes-clip | ZO-2 | 100.0 [100.0, 100.0] | +100.0 [+100.0, +100.0] |")
                .contains("| 100 / 0 |");
    }

    @Test
    void curves_haveAPanelForTheOracleAndOneForTheVerifier() {
        String svg = report(0.5, 0.8).curves();

        assertThat(svg)
                .startsWith("<svg")
                .endsWith("</svg>\n")
                .contains("chosen by shapes-clip")
                .contains("ZO-2");
        assertThat(svg.split("font-weight=\"bold\"", -1)).hasSize(3);
        assertThat(svg).doesNotContain("NaN").doesNotContain("Infinity");
    }
}
