package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

import java.util.List;
import java.util.function.DoubleBinaryOperator;

/** Pictures to try the oracle on: true ones, degraded ones, and nonsense that shows no object of the world. */
final class TestPictures {
    private static final int PIXELS = SIZE * SIZE;

    private TestPictures() {}

    static ShapesImage render(Scene scene, long seed, long index) {
        return Renderer.render(
                scene, Look.sample(seed, 0, index, scene.objects().size()));
    }

    /** What a decoder, an encoder or a host may do to a picture. */
    enum Degradation {
        NONE {
            @Override
            float[] apply(float[] values, Draws draws) {
                return values;
            }
        },
        /** Gaussian, standard deviation 1 pixel. */
        BLUR {
            @Override
            float[] apply(float[] values, Draws draws) {
                return blurred(values, 1);
            }
        },
        /** Standard deviation 0.05 in [-1, 1]. */
        NOISE {
            @Override
            float[] apply(float[] values, Draws draws) {
                float[] noisy = values.clone();
                for (int i = 0; i < noisy.length; i++) {
                    noisy[i] += (float) (0.05 * draws.gaussian());
                }
                return noisy;
            }
        },
        /** Contrast within 8 % and brightness within 0.08, each channel by itself. */
        COLOUR_SHIFT {
            @Override
            float[] apply(float[] values, Draws draws) {
                float[] shifted = values.clone();
                for (int channel = 0; channel < 3; channel++) {
                    double contrast = draws.uniform(0.92, 1.08);
                    double brightness = draws.uniform(-0.08, 0.08);
                    for (int i = channel * PIXELS; i < (channel + 1) * PIXELS; i++) {
                        shifted[i] = (float) Math.max(-1, Math.min(1, values[i] * contrast + brightness));
                    }
                }
                return shifted;
            }
        },
        ALL {
            @Override
            float[] apply(float[] values, Draws draws) {
                return NOISE.apply(COLOUR_SHIFT.apply(BLUR.apply(values, draws), draws), draws);
            }
        };

        abstract float[] apply(float[] values, Draws draws);

        ShapesImage of(ShapesImage image, long index) {
            return new ShapesImage(apply(image.values(), Draws.of("degradation " + name(), 1, 0, index)));
        }
    }

    /** What must not be taken for an object. */
    enum Nonsense {
        PLAIN {
            @Override
            ShapesImage picture(Draws draws) {
                return painted(draws, (x, y) -> 100);
            }
        },
        /** Half a figure, cut through its centre; of those whose half is no other figure. */
        HALF {
            @Override
            ShapesImage picture(Draws draws) {
                SceneObject whole = object(draws);
                Shape shape = draws.pick(List.of(Shape.CIRCLE, Shape.SQUARE, Shape.RING, Shape.CROSS, Shape.HEART));
                double angle = draws.below(4) * Math.PI / 2;
                return painted(draws, (x, y) -> {
                    double u = x - whole.x();
                    double v = y - whole.y();
                    return Math.max(shape.distance(u, v, whole.r()), u * Math.cos(angle) + v * Math.sin(angle));
                });
            }
        },
        /** Half-way between the outlines of two figures that are not alike. */
        MORPH {
            @Override
            ShapesImage picture(Draws draws) {
                SceneObject one = object(draws);
                Shape other = draws.pick(List.of(Shape.SQUARE, Shape.TRIANGLE, Shape.HEART));
                Shape unlike = draws.pick(List.of(Shape.RING, Shape.CROSS, Shape.STAR, Shape.MOON));
                return painted(
                        draws,
                        (x, y) -> (other.distance(x - one.x(), y - one.y(), one.r())
                                        + unlike.distance(x - one.x(), y - one.y(), one.r()))
                                / 2);
            }
        },
        /** Two different figures, each half there, one over the other. */
        GHOSTS {
            @Override
            ShapesImage picture(Draws draws) {
                SceneObject one = object(draws);
                Shape shape = Shape.values()[(one.shape().ordinal() + 1 + draws.below(7)) % 8];
                SceneObject other = new SceneObject(shape, one.colour(), one.x() + 3, one.y() - 2, one.r());
                return average(TestPictures.render(Scene.of(one), 1, 0), TestPictures.render(Scene.of(other), 1, 0));
            }
        },
        /** Two true pictures, half and half. */
        AVERAGE {
            @Override
            ShapesImage picture(Draws draws) {
                long index = draws.below(1_000_000);
                return average(
                        TestPictures.render(SceneSampler.sample(5, 0, index), 5, index),
                        TestPictures.render(SceneSampler.sample(6, 0, index), 6, index));
            }
        },
        /** A circle pulled to almost twice as long as wide. */
        ELLIPSE {
            @Override
            ShapesImage picture(Draws draws) {
                SceneObject one = object(draws);
                return painted(draws, (x, y) -> Math.hypot((x - one.x()) / 1.35, (y - one.y()) * 1.35) - one.r() / 1.1);
            }
        },
        /** Smooth noise cut off at a level: solid blobs of one paint. */
        BLOBS {
            @Override
            ShapesImage picture(Draws draws) {
                float[] noise = smoothNoise(draws, 5);
                return painted(draws, (x, y) -> 4 * (0.8 - noise[(int) y * SIZE + (int) x]));
            }
        },
        /** Smooth noise in every channel. */
        NOISE {
            @Override
            ShapesImage picture(Draws draws) {
                float[] values = new float[3 * PIXELS];
                for (int channel = 0; channel < 3; channel++) {
                    float[] noise = smoothNoise(draws, 7);
                    for (int i = 0; i < PIXELS; i++) {
                        values[channel * PIXELS + i] = Math.max(-1, Math.min(1, 0.3f + 0.7f * noise[i]));
                    }
                }
                return new ShapesImage(values);
            }
        };

        abstract ShapesImage picture(Draws draws);

        ShapesImage at(long index) {
            return picture(Draws.of("nonsense " + name(), 1, 0, index));
        }
    }

    private static SceneObject object(Draws draws) {
        double r = draws.uniform(9.5, 15.5);
        return new SceneObject(
                draws.pick(List.of(Shape.values())),
                draws.pick(List.of(Colour.values())),
                draws.uniform(1.4 * r, 63 - 1.4 * r),
                draws.uniform(1.4 * r, 63 - 1.4 * r),
                r);
    }

    /** Any figure by its signed distance, with the renderer's edge. */
    static ShapesImage painted(Draws draws, DoubleBinaryOperator distance) {
        double grey = draws.uniform(0.86, 0.98);
        Rgb paint = draws.pick(List.of(Colour.values())).rgb();
        float[] values = new float[3 * PIXELS];
        for (int i = 0; i < PIXELS; i++) {
            double d = distance.applyAsDouble(i % SIZE, i / SIZE);
            double alpha = 1 / (1 + Math.exp(Renderer.EDGE_STEEPNESS * d));
            for (int channel = 0; channel < 3; channel++) {
                values[channel * PIXELS + i] = (float) (2 * (grey * (1 - alpha) + paint.channel(channel) * alpha) - 1);
            }
        }
        return new ShapesImage(values);
    }

    private static ShapesImage average(ShapesImage one, ShapesImage other) {
        float[] values = new float[3 * PIXELS];
        for (int i = 0; i < values.length; i++) {
            values[i] = (one.values()[i] + other.values()[i]) / 2;
        }
        return new ShapesImage(values);
    }

    /** One channel of unit variance. */
    private static float[] smoothNoise(Draws draws, double deviation) {
        float[] noise = new float[3 * PIXELS];
        for (int i = 0; i < PIXELS; i++) {
            noise[i] = (float) draws.gaussian();
        }
        float[] smooth = blurred(noise, deviation);
        double squares = 0;
        for (int i = 0; i < PIXELS; i++) {
            squares += smooth[i] * smooth[i];
        }
        for (int i = 0; i < PIXELS; i++) {
            smooth[i] /= (float) Math.sqrt(squares / PIXELS);
        }
        return smooth;
    }

    private static float[] blurred(float[] values, double deviation) {
        return blurred(blurred(values, deviation, 1), deviation, SIZE);
    }

    /** Along rows (stride 1) or columns (stride 64); the border's pixels go on outside. */
    private static float[] blurred(float[] values, double deviation, int stride) {
        int reach = (int) Math.ceil(3 * deviation);
        float[] blurred = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            int place = i / stride % SIZE;
            double sum = 0;
            double weights = 0;
            for (int k = -reach; k <= reach; k++) {
                int there = Math.min(SIZE - 1, Math.max(0, place + k));
                double weight = Math.exp(-k * k / (2 * deviation * deviation));
                sum += weight * values[i + (there - place) * stride];
                weights += weight;
            }
            blurred[i] = (float) (sum / weights);
        }
        return blurred;
    }
}
