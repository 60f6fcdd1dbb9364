package dev.prenoise.search;

/** Why a search ended. */
public enum StopReason {
    BUDGET,
    PLATEAU,
    /** An algorithm's own early stop, such as InitNO's thresholds. */
    THRESHOLD,
    CANCELLED
}
