package dev.prenoise.engine;

import dev.prenoise.verifier.Judge;
import java.util.List;

/**
 * Who judges a search's pictures. The members' owner closes them.
 *
 * @param members at least one, names different
 */
public record Panel(List<Member> members) {
    /**
     * @param name the term under which its raw scores stand in results
     * @param weight in the ensemble's mean rank, above 0
     */
    public record Member(String name, Judge judge, double weight) {}

    /**
     * @throws IllegalArgumentException when there is no member
     */
    public Panel {
        members = List.copyOf(members);
        if (members.isEmpty()) {
            throw new IllegalArgumentException("members: none (expected: at least one)");
        }
    }
}
