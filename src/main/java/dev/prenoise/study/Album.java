package dev.prenoise.study;

import dev.prenoise.image.Picture;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Shot;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * Keeps what a panel is shown. It sits among the judges, and its score is the number of the page: so whichever way a search comes by a
 * picture, the evaluation says where it is to be found.
 */
final class Album implements Judge {
    /** The term under which the page stands. */
    static final String PAGE = "page";

    /** Pixels of a look's side. */
    static final int LOOK = 8;

    private final boolean whole;
    private final List<String> looks = new ArrayList<>();
    private final List<Picture> pictures = new ArrayList<>();

    /**
     * @param whole whether the pictures themselves are wanted later, too
     */
    Album(boolean whole) {
        this.whole = whole;
    }

    @Override
    public double[] score(List<Shot> shots) {
        double[] pages = new double[shots.size()];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = looks.size();
            looks.add(Base64.getEncoder().encodeToString(look(shots.get(i).picture())));
            if (whole) {
                pictures.add(shots.get(i).picture());
            }
        }
        return pages;
    }

    String look(int page) {
        return looks.get(page);
    }

    Picture picture(int page) {
        return pictures.get(page);
    }

    /** The means of {@value #LOOK} x {@value #LOOK} fields, RGB. */
    static byte[] look(Picture picture) {
        byte[] look = new byte[LOOK * LOOK * 3];
        for (int row = 0; row < LOOK; row++) {
            for (int column = 0; column < LOOK; column++) {
                for (int channel = 0; channel < 3; channel++) {
                    look[(row * LOOK + column) * 3 + channel] = mean(picture, row, column, channel);
                }
            }
        }
        return look;
    }

    private static byte mean(Picture picture, int row, int column, int channel) {
        int top = row * picture.height() / LOOK;
        int bottom = Math.max(top + 1, (row + 1) * picture.height() / LOOK);
        int left = column * picture.width() / LOOK;
        int right = Math.max(left + 1, (column + 1) * picture.width() / LOOK);
        long sum = 0;
        for (int y = top; y < bottom; y++) {
            for (int x = left; x < right; x++) {
                sum += picture.rgb()[(y * picture.width() + x) * 3 + channel] & 0xff;
            }
        }
        return (byte) Math.round((double) sum / ((bottom - top) * (right - left)));
    }
}
