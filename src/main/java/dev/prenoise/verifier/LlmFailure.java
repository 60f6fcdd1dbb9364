package dev.prenoise.verifier;

/** A picture got no grade. The message is a few words that stand in the search's summary, the same for the same cause. */
final class LlmFailure extends Exception {
    private static final long serialVersionUID = 1;

    /** What follows for other pictures. */
    enum Scope {
        /** Nothing. */
        PICTURE,
        /** The service may be down. */
        SERVICE,
        /** None of this search will get one. */
        SEARCH
    }

    private final Scope scope;

    LlmFailure(Scope scope, String message) {
        super(message);
        this.scope = scope;
    }

    Scope scope() {
        return scope;
    }
}
