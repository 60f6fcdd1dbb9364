package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NamedPartTest {
    private static final String STUDY = """
            title: Small
            suites: [{suite: two_objects, prompts: 2}]
            backbones: [shapes, {id: shapes-v, name: "the other, with v"}]
            strategies:
              - initno
              - conform
              - {loss: initno, optimize: true}
              - {search: zero-order, verifier: oracle}
            budgets: [1, 2, 4]
            seeds: 2
            metrics: [complete, oracle]
            """;

    @TempDir
    private Path folder;

    private StudyPlan plan() throws Exception {
        return StudyFile.read(
                Files.writeString(folder.resolve("study.yaml"), STUDY).toString());
    }

    private static List<String> strategies(StudyPlan plan, String... names) {
        return plan.only(List.of(names), List.of()).strategies().stream()
                .map(Strategy::name)
                .toList();
    }

    @Test
    void only_names_areTakenInTheFilesOrderAndMayHoldCommas() throws Exception {
        StudyPlan plan = plan();

        assertThat(strategies(plan, "conform, initno")).containsExactly("initno", "conform");
        assertThat(strategies(plan, "initno,optimized")).containsExactly("initno, optimized");
        assertThat(strategies(plan, "initno,initno, optimized,conform"))
                .containsExactly("initno", "conform", "initno, optimized");
        assertThat(strategies(plan, "zero-order by oracle", "initno", "initno"))
                .containsExactly("initno", "zero-order by oracle");
        assertThat(plan.only(List.of(), List.of("the other,with v")).backbones())
                .singleElement()
                .extracting(BackboneSetting::id)
                .isEqualTo("shapes-v");
        assertThat(plan.only(List.of(), List.of())).isEqualTo(plan);
    }

    @Test
    void only_part_isThePlansOwnWork() throws Exception {
        StudyPlan plan = plan();
        List<String> all = plan.units().stream().map(Unit::id).toList();

        List<String> part = plan.only(List.of("conform"), List.of("shapes")).units().stream()
                .map(Unit::id)
                .toList();

        // on 2 prompts from 2 seeds: the pictures that all share, and the loss
        assertThat(part).hasSize(8).isSubsetOf(all);
        assertThat(all).hasSize(40);
    }

    @Test
    void only_unknownName_listsThoseThatThereAre() throws Exception {
        StudyPlan plan = plan();

        assertThatThrownBy(() -> plan.only(List.of("initno, optimised"), List.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("--strategies: \"optimised\" (expected: of \"initno\", \"conform\", \"initno, optimized\","
                        + " \"zero-order by oracle\")");
        assertThatThrownBy(() -> plan.only(List.of(), List.of("")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("--backbones: \"\" (expected: of \"shapes\", \"the other, with v\")");
    }
}
