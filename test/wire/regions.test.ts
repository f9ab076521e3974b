// Where a caller is, from what Cloudflare says of it, and which regions are near.
import { describe, expect, it } from 'vitest';
import { distanceKm, REGIONS, regionOf } from '../../wire/regions.ts';

describe('the region of a caller', () => {
  it.each<[string, object | undefined, string | undefined]>([
    ['Africa', { continent: 'AF' }, 'afr'],
    ['Antarctica', { continent: 'AN' }, 'sam'],
    ['Asia', { continent: 'AS' }, 'apac'],
    ['Europe', { continent: 'EU' }, 'weur'],
    ['North America', { continent: 'NA' }, 'enam'],
    ['Oceania', { continent: 'OC' }, 'oc'],
    ['South America', { continent: 'SA' }, 'sam'],
    ['San Francisco', { continent: 'NA', longitude: '-122.42' }, 'wnam'],
    ['New York', { continent: 'NA', longitude: '-74.00' }, 'enam'],
    ['Attu, west of the date line', { continent: 'NA', longitude: '173.1' }, 'wnam'],
    ['Madrid', { continent: 'EU', longitude: '-3.70' }, 'weur'],
    ['Bucharest', { continent: 'EU', longitude: '26.10' }, 'eeur'],
    ['Chukotka, east of the date line', { continent: 'EU', longitude: '-170.1' }, 'eeur'],
    ['Tel Aviv', { continent: 'AS', longitude: '34.78' }, 'me'],
    ['Tokyo', { continent: 'AS', longitude: 139.69 }, 'apac'],
    ['a longitude that is none', { continent: 'EU', longitude: 'x' }, 'weur'],
    ['a longitude off the earth', { continent: 'NA', longitude: '-9999' }, 'enam'],
    ['an empty longitude', { continent: 'NA', longitude: '' }, 'enam'],
    ['Tor', { continent: 'T1' }, undefined],
    ['a name of an object', { continent: 'constructor' }, undefined],
    ['no continent', { longitude: '3' }, undefined],
    ['no cf', undefined, undefined],
  ])('of %s', (_, cf, region) => {
    expect(regionOf(cf)).toBe(region);
  });
});

describe('distances', () => {
  it('are those of a globe', () => {
    // Paris to Sydney and San José to Ashburn, by any great-circle calculator
    expect(distanceKm('weur', 'oc')).toBeGreaterThan(16_900);
    expect(distanceKm('weur', 'oc')).toBeLessThan(17_000);
    expect(distanceKm('wnam', 'enam')).toBeGreaterThan(3_750);
    expect(distanceKm('wnam', 'enam')).toBeLessThan(3_900);
  });

  it('are the same both ways, none from a region to itself, and never the same to two', () => {
    for (const from of REGIONS) {
      expect(distanceKm(from, from)).toBe(0);
      for (const to of REGIONS) expect(distanceKm(from, to)).toBe(distanceKm(to, from));
      expect(new Set(REGIONS.map((to) => distanceKm(from, to))).size).toBe(REGIONS.length);
    }
  });

  it('put the neighbour first', () => {
    const nearest = (from: (typeof REGIONS)[number]) =>
      [...REGIONS].sort((a, b) => distanceKm(from, a) - distanceKm(from, b))[1];
    expect(Object.fromEntries(REGIONS.map((from) => [from, nearest(from)]))).toEqual({
      wnam: 'enam',
      enam: 'wnam',
      sam: 'enam',
      weur: 'eeur',
      eeur: 'weur',
      apac: 'me',
      oc: 'apac',
      afr: 'me',
      me: 'afr',
    });
  });
});
