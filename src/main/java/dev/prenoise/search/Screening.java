package dev.prenoise.search;

/** A first stage as the caller sees it: it moves on, it can be cancelled, it has no candidates. */
record Screening(SearchObserver observer, String stage) implements SearchObserver {
    @Override
    public void scored(Candidate candidate, boolean bestSoFar, Spend spent) {
        observer.progress(spent, candidate.score(), stage);
    }

    @Override
    public void progress(Spend spent, double bestScore, String stage) {
        observer.progress(spent, bestScore, this.stage + ", " + stage);
    }

    @Override
    public boolean stopRequested() {
        return observer.stopRequested();
    }
}
