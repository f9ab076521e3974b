// The settings of a selection, each with a line that says what it does.
import { placeOf, SETTINGS, type SettingName, type Settings, valueAt } from './settings.ts';

interface Props {
  readonly settings: Settings;
  readonly onChange: (name: SettingName, value: number) => void;
}

export const Sliders = ({ settings, onChange }: Props) => (
  <fieldset class="sliders">
    <legend>How to select</legend>
    {SETTINGS.map((setting) => (
      <div key={setting.name} class="slider">
        <label for={`set-${setting.name}`}>{setting.label}</label>
        <span aria-hidden="true">{Number(settings[setting.name].toPrecision(3))}</span>
        <input
          id={`set-${setting.name}`}
          type="range"
          min={setting.min}
          max={setting.max}
          step={setting.step}
          value={placeOf(setting, settings[setting.name])}
          aria-valuetext={String(Number(settings[setting.name].toPrecision(3)))}
          aria-describedby={`says-${setting.name}`}
          onInput={(event) => onChange(setting.name, valueAt(setting, Number(event.currentTarget.value)))}
        />
        <p class="hint" id={`says-${setting.name}`}>
          {setting.says}
        </p>
      </div>
    ))}
  </fieldset>
);
