package dev.prenoise.attention;

/** Which of its two forms a loss is computed in. */
public enum LossForm {
    /** The same terms made comparable between candidates: no gate, Self-Cross normalised at every grid size, CONFORM with the map as its own (detached) previous map. */
    RANKING,
    /** Exactly what the authors' code computes at the first sampling step. */
    PUBLISHED
}
