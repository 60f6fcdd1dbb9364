/**
 * Experiments over many prompts: which strategy picks how good noise at which budget, measured so that anyone can run it again. Knows models
 * by their sessions alone, and nothing of who asks or of how work comes to other machines.
 *
 * <p>Start reading at {@code StudyPlan}, what is to be measured, and {@code StudyRun}, which has it measured unit by unit; {@code UnitWork}
 * computes one unit, {@code StudyFindings} says what the numbers come to.
 */
@NullMarked
package dev.prenoise.study;

import org.jspecify.annotations.NullMarked;
