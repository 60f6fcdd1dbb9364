package dev.prenoise.training;

/**
 * How a network is trained.
 *
 * @param steps of the optimiser, at least 1
 * @param warmUp steps over which the rate rises from 0
 * @param decay steps at the end over which it falls; what lies between is at the highest. No more than all together
 * @param rate the highest
 * @param lowestRate where the cosine ends
 * @param weightDecay of matrices; vectors and scalars do not decay
 * @param largestGradient the global norm to which gradients are scaled down
 * @param averageDecay of the moving average over steps, 0 to 1
 * @param seed of everything that is drawn
 */
public record TrainingPlan(
        int steps,
        int warmUp,
        int decay,
        double rate,
        double lowestRate,
        double weightDecay,
        double largestGradient,
        double averageDecay,
        long seed) {
    /**
     * @throws IllegalArgumentException when a number is out of its range
     */
    public TrainingPlan {
        if (steps < 1) {
            throw new IllegalArgumentException("steps: " + steps + " (expected: >= 1)");
        }
        if (warmUp < 0 || warmUp > steps) {
            throw new IllegalArgumentException("warmUp: " + warmUp + " (expected: 0 to " + steps + ")");
        }
        if (decay < 0 || decay > steps - warmUp) {
            throw new IllegalArgumentException("decay: " + decay + " (expected: 0 to " + (steps - warmUp) + ")");
        }
        if (!(averageDecay >= 0 && averageDecay < 1)) {
            throw new IllegalArgumentException("averageDecay: " + averageDecay + " (expected: 0 to less than 1)");
        }
    }

    /**
     * The rate of a step: linear to the highest, there for as long as there is time, then half a cosine down (Loshchilov and Hutter 2017, without
     * restarts). So a longer run begins as a shorter one does.
     *
     * @param step from 0
     */
    public double rateAt(int step) {
        if (step < warmUp) {
            return rate * (step + 1) / warmUp;
        }
        double done = Math.max(0, (step + 1.0 - (steps - decay)) / Math.max(1, decay));
        return lowestRate + (rate - lowestRate) * 0.5 * (1 + StrictMath.cos(Math.PI * done));
    }

    /**
     * The part of the plan that the first steps depend on, as a text: two plans that agree in it begin with the same steps. The number of all
     * steps counts only once the rate has begun to fall.
     *
     * @param done steps
     */
    String until(int done) {
        String all = "warmUp=" + warmUp + ", rate=" + rate + ", weightDecay=" + weightDecay + ", largestGradient="
                + largestGradient + ", averageDecay=" + averageDecay + ", seed=" + seed;
        return done <= steps - decay
                ? all
                : all + ", steps=" + steps + ", decay=" + decay + ", lowestRate=" + lowestRate;
    }
}
